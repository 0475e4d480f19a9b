#!/usr/bin/env bash
# Fails where the repository's text holds what is true on one machine only: a folder of that machine, or the address of
# the package registry it happens to use. Lock files may name registries.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

# At the start of a word, so that `notes/work/plan` and `bucket/root` stay what they are.
before='(?<![\w./~}\\-])'
folders="$before/(work|workspace|builds|root/\\.\\w+|home/\\w+/\\.(cargo|cache|rustup)|opt/wheels)(/|\\b)"
registries='artifactory|(index|static)\.crates\.io|pypi\.org|pythonhosted\.org|registry\.npmjs\.org|deb\.debian\.org'

# This clone's own folder, if it is one that no text would hold by chance.
here=$(printf '%s' "$ROOT" | sed 's/[^[:alnum:]\/_-]/\\&/g')
[ "$(tr -cd / <<<"$ROOT" | wc -c)" -lt 2 ] || folders="$folders|$before$here\\b"

list=$(mktemp)
trap 'rm -f "$list"' EXIT
git ls-files -z --cached --others --exclude-standard -- . ':!*.lock' ':!*-lock.json' ':!scripts/check-text.sh' >"$list"
[ -s "$list" ] || fail "git lists no files here"
found=$(xargs -0 grep -IHnPs -- "$folders|$registries" <"$list" || true)
[ -z "$found" ] || fail "true on one machine only:"$'\n'"$found"
say "no text names a machine's folder or a registry's address"
