#!/usr/bin/env bash
# Runs seeds of the planner's properties and of the simulated engine, each engine seed twice:
#
#   ./dev seeds [--planner FIRST..END] [--engine FIRST..END] [--record]
#
# Without ranges, those of every day: two million and twenty thousand. Ends with 1 if a seed failed or they met too
# little. With --record the ranges and what came of them become a line of docs/seeds.md, so that the next slice of a
# wide run begins where this one ended.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

planner=0..2000000
engine=0..20000
record=
while [ $# -gt 0 ]; do
    case $1 in
    --planner | --engine)
        [[ ${2:-} =~ ^[0-9]+\.\.[0-9]+$ ]] || fail "$1 takes a range of seeds, as 0..1000"
        printf -v "${1#--}" '%s' "$2"
        shift ;;
    --record) record=yes ;;
    *) fail "there is no option $1; see the top of scripts/seeds.sh" ;;
    esac
    shift
done

cargo build --profile seeds -p tandem-testkit --all-features --example planner --example simulate
# Memory that a run gave back is used by the next one: asking the system anew took a sixth of the time.
export MIMALLOC_PURGE_DELAY=-1
programs=$CARGO_TARGET_DIR/seeds/examples
status=0
began=$SECONDS
"$programs/planner" --seeds "$planner" --threads "$(nproc)" brief || status=1
middle=$SECONDS
"$programs/simulate" "${engine%..*}" "$((${engine#*..} - ${engine%..*}))" brief || status=1
ended=$SECONDS

outcome=$([ "$status" = 0 ] && echo "0 failed" || echo "failed")
printf 'planner %s in %s s, engine %s in %s s: %s\n' \
    "$planner" "$((middle - began))" "$engine" "$((ended - middle))" "$outcome"
if [ -n "$record" ]; then
    printf '| %s | %s | %s | %s s | %s | %s s | %s |\n' "$(date -u +%F)" "$(git rev-parse --short HEAD)" \
        "$planner" "$((middle - began))" "$engine" "$((ended - middle))" "$outcome" >>docs/seeds.md
fi
exit "$status"
