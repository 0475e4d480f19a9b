# shellcheck shell=bash
# Makes the packages of the tray application and looks into them. Sourced by ./dev after page.sh.

# make_packages PROFILE [CONFIG]: deb and rpm of the program that cargo built, with CONFIG put over its configuration.
# Their folder is printed.
make_packages() {
    local folder=$CARGO_TARGET_DIR/$1/bundle options=()
    [ "$1" != debug ] || options+=(--debug)
    [ -z "${2:-}" ] || options+=(--config "$2")
    rm -rf "$folder"
    (cd "$ROOT/crates/desktop" && "$ROOT/ui/node_modules/.bin/tauri" bundle --ci --bundles deb,rpm "${options[@]}" >&2)
    printf '%s\n' "$folder"
}

# With the command line in the package too, which "tandem run" needs and the tray application does not.
with_command_line() {
    local files
    files=$(printf '{"/usr/bin/tandem":"%s","/usr/lib/systemd/user/tandem.service":"%s"}' \
        "$CARGO_TARGET_DIR/release/tandem" "$ROOT/packaging/systemd/tandem.service")
    printf '{"bundle":{"linux":{"deb":{"files":%s},"rpm":{"files":%s}}}}' "$files" "$files"
}

# What a desktop needs to find the program, and what starts it with the session.
PACKAGED=(
    usr/bin/tandem-desktop
    usr/share/applications/Tandem.desktop
    usr/share/icons/hicolor/32x32/apps/tandem-desktop.png
    usr/share/icons/hicolor/128x128/apps/tandem-desktop.png
    usr/share/icons/hicolor/256x256@2/apps/tandem-desktop.png
    usr/share/icons/hicolor/512x512/apps/tandem-desktop.png
    etc/xdg/autostart/Tandem.desktop
)

# check_packages FOLDER [FILE]...: both packages hold these and the usual files, can be started by their entries, and ask
# for the libraries that the program cannot be without.
check_packages() {
    local folder=$1 deb rpm there listed file entry
    shift
    deb=$(echo "$folder"/deb/*.deb) rpm=$(echo "$folder"/rpm/*.rpm)
    there=$(mktemp -d)
    dpkg-deb --extract "$deb" "$there"
    listed=$(rpm --query --list --package "$rpm" 2>/dev/null)
    for file in "${PACKAGED[@]}" "$@"; do
        [ -s "$there/$file" ] || fail "$deb has no $file"
        grep -qxF "/$file" <<<"$listed" || fail "$rpm has no $file"
    done
    for entry in usr/share/applications/Tandem.desktop etc/xdg/autostart/Tandem.desktop; do
        desktop-file-validate "$there/$entry" || fail "$deb: $entry is no desktop entry"
        grep -qE '^Exec=tandem-desktop( --at-login| %u)$' "$there/$entry" || fail "$deb: $entry does not start the program"
        grep -qx 'Icon=tandem-desktop' "$there/$entry" || fail "$deb: $entry shows no icon of the package"
    done
    grep -qx 'MimeType=x-scheme-handler/tandem;' "$there/usr/share/applications/Tandem.desktop" ||
        fail "$deb: links of sign-ins do not lead to the program"
    "$there/usr/bin/tandem-desktop" --version >/dev/null || fail "$deb: the program does not start"
    rm -rf "$there"
    for file in libwebkit2gtk-4.1-0 libayatana-appindicator3-1; do
        grep -qw "$file" <<<"$(dpkg-deb --field "$deb" Depends)" || fail "$deb does not ask for $file"
    done
    say "$(basename "$deb") and $(basename "$rpm") are whole"
}
