#!/usr/bin/env bash
# Runs fuzz targets by libFuzzer: ./dev fuzz [TARGET]... [--seconds N]. A target is a test that calls `fuzz!`, and is
# named as its corpus is. What libFuzzer finds on its way lies in a folder beside the build and is kept between runs;
# an input that fails is named, and belongs into the target's corpus together with what mends it.
#
# The stable compiler does all of this: its LLVM has the pass that counts what was reached (sancov), and bolero brings
# libFuzzer's source, which a C++ compiler builds. Memory is watched by libFuzzer for the process as a whole.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

seconds=60 wanted=()
while [ $# -gt 0 ]; do
    case $1 in
    --seconds) seconds=${2:?--seconds needs a number}; shift 2 ;;
    -*) fail "usage: ./dev fuzz [TARGET]... [--seconds N]" ;;
    *) wanted+=("$1"); shift ;;
    esac
done

have c++ || fail "missing: a C++ compiler. On Debian: sudo apt-get install g++"

# file:name of every target.
all=$(grep -rHoP --include='*.rs' -zo '\bfuzz!\(\s*"\K\w+(?=",)' crates | tr '\0' '\n' | sort)
if [ "${#wanted[@]}" -eq 0 ]; then mapfile -t wanted < <(cut -d: -f2 <<<"$all"); fi
for name in "${wanted[@]}"; do
    grep -q ":$name\$" <<<"$all" || fail "there is no fuzz target $name; there are: $(cut -d: -f2 <<<"$all" | paste -sd ' ')"
done

target=$(rustc -vV | sed -n 's/^host: //p')
work=${CARGO_TARGET_DIR:-$ROOT/target}/fuzz
flags=(--cfg fuzzing --cfg fuzzing_libfuzzer -Cpasses=sancov-module)
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    flags+=("-Cllvm-args=-sanitizer-coverage-$option")
done

# program FILE: the test program that holds the targets of a file, built for libFuzzer.
program() {
    local crate=tandem-$(cut -d/ -f2 <<<"$1") part=--lib
    case $1 in */tests/*) [[ $1 == */src/* ]] || part="--test $(cut -d/ -f4 <<<"${1%.rs}")" ;; esac
    # With --target, what runs at build time is built as always.
    # shellcheck disable=SC2086 # an option and its value
    RUSTFLAGS="${flags[*]}" BOLERO_FUZZER=libfuzzer cargo test --profile fuzz --target "$target" --target-dir "$work" \
        -p "$crate" $part --no-run --message-format json-render-diagnostics |
        grep -oP '"profile":\{[^}]*"test":true\}.*"executable":"\K[^"]+'
}

failed=()
for name in "${wanted[@]}"; do
    file=$(grep -m1 ":$name\$" <<<"$all" | cut -d: -f1)
    say "building $name for libFuzzer"
    program=$(program "$file")
    found=$work/found/$name corpus=$(dirname "$file")/__fuzz__/$name/corpus
    mkdir -p "$found" "$work/failed"
    test=$(grep -zoP "fn \K\w+(?=\(\) \{\s*(tandem_testkit::)?fuzz!\(\s*\"$name\")" "$file" | tr -d '\0')
    path=$("$program" --list 2>/dev/null | grep -oP "^(.*::)?$test(?=: test)" || true)
    [ -n "$path" ] || fail "$program has no test $test"
    say "fuzzing $name for $seconds s"
    log=$work/$name.log
    options="$found $ROOT/$corpus -artifact_prefix=$work/failed/$name- -timeout=20 -rss_limit_mb=2048 -max_len=4096"
    if BOLERO_LIBFUZZER_ARGS="$options -max_total_time=$seconds -print_final_stats=1" \
        "$program" "$path" --exact --nocapture --test-threads 1 >"$log" 2>&1; then
        grep -oP 'stat::(number_of_executed_units|average_exec_per_sec|new_units_added|peak_rss_mb):\s*\K.*' "$log" |
            paste -sd ' ' | while read -r runs rate new peak; do
            say "$name: $runs inputs, $rate a second, $new reached new code, $peak MiB at most"
        done
    else
        tail -n 25 "$log" >&2
        failed+=("$name")
    fi
done
[ "${#failed[@]}" -eq 0 ] || fail "failed: ${failed[*]}; the inputs lie in $work/failed"
