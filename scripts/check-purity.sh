#!/usr/bin/env bash
# Shows that the crates keep to their places: core is pure, dependencies point one way, engine knows no provider.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

wrong=0

# offence TEXT: says what is wrong and goes on, so that one run shows all of it.
offence() {
    say "$1"
    wrong=1
}

# without CRATE PATTERN WHY: nothing that CRATE links, however indirectly, has a name that matches PATTERN.
without() {
    local crate=$1 pattern=$2 why=$3 tree found
    # On its own line: inside the pipeline below a cargo that fails would look like a crate without dependencies.
    tree=$(cargo tree ${CI:+--locked} -p "$crate" -e normal --prefix none --format '{p}')
    found=$(cut -d ' ' -f 1 <<<"$tree" | sort -u | grep -Ex "$pattern" | paste -sd ' ' || true)
    [ -z "$found" ] || offence "$crate depends on $found: $why (cargo tree -p $crate -e normal -i NAME shows the way)"
}

# code_of FOLDER: its Rust code without comments, each line after its file and number.
code_of() {
    find "$1" -name '*.rs' -exec grep -n '' /dev/null {} + | sed -E 's#(^|[^:"])//.*#\1#'
}

# unsaid FOLDER PATTERN WHY: no code in FOLDER matches PATTERN.
unsaid() {
    local folder=$1 pattern=$2 why=$3 code found
    code=$(code_of "$folder")
    found=$(grep -Pi -- "^[^:]*:\d+:.*$pattern" <<<"$code" || true)
    [ -z "$found" ] || offence "$why:"$'\n'"$found"
}

without tandem-core '(tokio|rusqlite|libsqlite3-sys|tauri|reqwest|hyper|rand|rand_core|getrandom|notify|rustix|cap-std|ureq|socket2|mio|async-std|chrono)(-.*)?|aws-.*' \
    "core decides and does nothing else"
unsaid crates/core/src '(\bstd::(fs|net|process|env|thread)\b|\b(SystemTime|Instant)::now\b|\bRandomState\b)' \
    "core reaches for file system, network, clock or randomness"

without tandem-engine 'tandem-(local|providers|service|cli)|tauri.*|aws-.*|reqwest|hyper' "engine knows only the storage contract"
without tandem-local 'tandem-(engine|providers|service|cli)|tauri.*' "local knows only core"
without tandem-providers 'tandem-(engine|local|service|cli)|tauri.*' "providers know only core"
without tandem-service 'tandem-cli|tauri.*' "both shells stand on service"
# The simulation is part of the program: `tandem selftest` runs it.
without tandem-cli 'tauri.*|gtk.*|gdk.*|webkit2gtk.*|winit|x11.*' "the headless program links no GUI"
without tandem-service 'tandem-testkit' "only the command line runs the simulation"

# Words are taken out of identifiers too: `s3_bucket`, `IsLocal`, `"dropbox"`.
providers='s3|aws|amazon|bucket|dropbox|webdav|nextcloud|owncloud|sftp|onedrive|sharepoint|gdrive|google|pcloud|azure|icloud|koofr|jottacloud|backblaze|mega'
unsaid crates/engine/src "(?<![a-z0-9])($providers)(?![a-z0-9])" "engine names a provider"
unsaid crates/engine/src '(is_?local|local_?storage|"local"|tandem_(local|providers))' "engine asks whether a side is local"

[ "$wrong" -eq 0 ] || exit 1
say "core is pure, dependencies point one way, engine names no provider"
