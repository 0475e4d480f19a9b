#!/bin/sh
# Shows Tandem at work on an embedded default that needs no account: a sample folder and a storage of type
# "local" (a folder of its own), in a profile of its own, all below one temporary folder that is removed at the end.
#
# Usage: scripts/demo.sh /path/to/tandem
set -eu

program=${1:?"usage: $0 /path/to/tandem"}
case $program in /*) ;; *) program=$(pwd)/$program ;; esac

home=$(mktemp -d "${TMPDIR:-/tmp}/tandem-demo.XXXXXX")
trap 'rm -rf "$home"' EXIT
trap 'exit 130' INT TERM

documents=$home/Documents
embedded=$home/embedded
mkdir -p "$documents/letters" "$embedded" "$home/runtime"
chmod 700 "$home/runtime"
export XDG_RUNTIME_DIR="$home/runtime" TANDEM_PASSPHRASE=demonstration

tandem() { "$program" --profile "$home/profile" --secret-store file "$@"; }
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '$ tandem %s\n' "$*"; tandem "$@"; }

printf 'Milk\nBread\n' > "$documents/shopping list.txt"
printf 'Dear Ada,\n' > "$documents/letters/ada.txt"
printf 'Dear Grace,\n' > "$documents/letters/grace.txt"

say "A pair: the documents, and the embedded storage"
show pair add documents "$documents" "$embedded"

say "The preview: what would be done, and why"
show preview documents

say "The first pass"
show sync documents

say "Both sides are edited: one file here, another there, and one on both"
printf 'Dear Ada,\nthank you.\n' > "$documents/letters/ada.txt"
printf 'Dear Grace,\nyes.\n' > "$embedded/letters/grace.txt"
printf 'Milk\nBread\nApples\n' > "$documents/shopping list.txt"
printf 'Milk\nBread\nPears\n' > "$embedded/shopping list.txt"
show sync documents

say "The conflict: both versions are kept"
show conflicts documents
ls "$documents"
if [ "$(ls "$documents" | grep -c 'shopping list')" -ne 2 ]; then
    echo "The conflict was not kept." >&2
    exit 1
fi

say "One action is undone: the letter to Ada on the storage is as it was"
action=$(tandem --json log documents --path letters/ada.txt |
    sed 's/},{/}\n{/g' | sed -n 's/.*"id":"\(documents:[0-9]*\)".*"kind":"replace".*/\1/p' | tail -n 1)
show undo "$action"
if [ "$(cat "$embedded/letters/ada.txt")" != "Dear Ada," ]; then
    echo "The action was not undone." >&2
    exit 1
fi

say "The journal"
show log documents

say "Done. Everything was in $home, which is removed now."
