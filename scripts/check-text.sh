#!/usr/bin/env bash
# Fails where the repository's text holds what is true on one machine only: a folder of that machine, or the address of
# the package registry it happens to use. Lock files may name registries.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

# At the start of a word, so that `notes/src/plan` and `bucket/root` stay what they are.
before='(?<![\w./~}\\-])'
folders="$before/(root/\\.\\w+|home/\\w+/\\.(cargo|cache|rustup))(/|\\b)"
registries='(index|static)\.crates\.io|pypi\.org|pythonhosted\.org|registry\.npmjs\.org|deb\.debian\.org'

quoted() { sed 's/[^[:alnum:]\/_-]/\\&/g'; }

# This clone's own folder, if it is one that no text would hold by chance, and the top folder it lies in, if that is
# none that every system has.
here=$(printf '%s' "$ROOT" | quoted)
[ "$(tr -cd / <<<"$ROOT" | wc -c)" -lt 2 ] || folders="$folders|$before$here\\b"
top=$(cut -d/ -f2 <<<"$ROOT")
case $top in
home | root | tmp | usr | opt | var | srv | mnt | media | Users) ;;
*) folders="$folders|$before/$(printf '%s' "$top" | quoted)/" ;;
esac

# The registries that this machine is told to use instead of the usual ones.
mirrors=$(cat "${CARGO_HOME:-$HOME/.cargo}"/config{,.toml} "$HOME"/{.config/pip/pip.conf,.pip/pip.conf,.npmrc} \
    /etc/pip.conf 2>/dev/null | grep -oP 'https?://(?:[^/@\s"]*@)?\K[^/\s"]+' | grep -v '^github\.com$' | sort -u || true)
while read -r host; do
    [ -z "$host" ] || registries="$registries|$(printf '%s' "$host" | quoted)"
done <<<"$mirrors"

list=$(mktemp)
trap 'rm -f "$list"' EXIT
git ls-files -z --cached --others --exclude-standard -- . ':!*.lock' ':!*-lock.json' ':!scripts/check-text.sh' >"$list"
[ -s "$list" ] || fail "git lists no files here"
found=$(xargs -0 grep -IHnPs -- "$folders|$registries" <"$list" || true)
[ -z "$found" ] || fail "true on one machine only:"$'\n'"$found"
say "no text names a machine's folder or a registry's address"
