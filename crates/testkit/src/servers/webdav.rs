//! Launchers for WebDAV servers that other people wrote.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::Process;
use super::scratch::Scratch;
use super::version::Version;
use super::{START_LIMIT, data_dir, free_address, program, rclone};

/// Whose password the servers take.
const USERNAME: &str = "tandem";
const PASSWORD: &str = "tandem test password";
const REALM: &str = "tandem";
/// The MD5 of name, realm and password, as a file of Apache's mod_auth_digest holds it.
const DIGEST: &str = "eae579ca20151d19f8d5c12b3d6b1acd";

/// How often a server is started anew whose port another program was quicker to take.
const MOST_STARTS: u32 = 5;

/// A WebDAV server. Dropping it stops it and removes what it stored.
#[derive(Debug)]
pub struct WebDavServer {
    url: String,
    version: Version,
    // Declared before `home`, so that nothing still writes into the folder while it is removed.
    _process: Process,
    home: Scratch,
}

impl WebDavServer {
    /// What it is, such as `wsgidav 4.4.0`.
    ///
    /// # Errors
    /// It does not say.
    pub fn version(&self) -> io::Result<String> {
        self.version.ask()
    }

    /// The address of its folder, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it keeps its files, as files.
    pub fn data_dir(&self) -> PathBuf {
        data_dir(self.home.path())
    }

    /// Whom it lets in.
    pub fn username(&self) -> &str {
        USERNAME
    }

    /// With which password.
    pub fn password(&self) -> &str {
        PASSWORD
    }

    /// Starts a server that takes the port it is told.
    fn launch(
        title: &str,
        version: Version,
        command: impl Fn(&Path, SocketAddr) -> io::Result<Command>,
    ) -> io::Result<Self> {
        let mut tries = 1;
        loop {
            let home = home()?;
            let address = free_address()?;
            let mut process = Process::spawn(title, &command(home.path(), address)?, home.path())?;
            match process.wait_until_open(address, START_LIMIT) {
                Err(_) if tries < MOST_STARTS => tries += 1,
                Err(error) => return Err(error),
                Ok(()) => {
                    return Ok(Self {
                        url: format!("http://{address}"),
                        version,
                        _process: process,
                        home,
                    });
                }
            }
        }
    }
}

/// A folder with room for what the server stores.
fn home() -> io::Result<Scratch> {
    let home = Scratch::new("tandem-webdav")?;
    std::fs::create_dir(data_dir(home.path()))?;
    Ok(home)
}

/// `rclone serve webdav`: heeds no condition, its ETags are MD5s, mtimes can be set. It asks for Basic.
#[derive(Debug)]
pub struct RcloneWebDav;

impl RcloneWebDav {
    /// Starts one, with nothing in it.
    pub fn start() -> io::Result<WebDavServer> {
        let home = home()?;
        let data = data_dir(home.path());
        let mut command = Command::new(rclone()?);
        command.args(["serve", "webdav", "--addr", "127.0.0.1:0"]);
        command.args(["--etag-hash", "MD5"]);
        command
            .args(["--user", USERNAME, "--pass", PASSWORD])
            .arg(data);
        // A person's own configuration must not reach a test.
        command.env("RCLONE_CONFIG", home.path().join("rclone.conf"));
        let mut process = Process::spawn("rclone serve webdav", &command, home.path())?;
        let address = process.wait_for_address(START_LIMIT)?;
        Ok(WebDavServer {
            url: format!("http://{address}"),
            version: Version::RCLONE_WEBDAV,
            _process: process,
            home,
        })
    }
}

/// wsgidav: heeds conditions, cannot tell two writes of one second apart, writes in place. It asks for Digest.
#[derive(Debug)]
pub struct WsgiDav;

impl WsgiDav {
    /// Starts one, with nothing in it.
    pub fn start() -> io::Result<WebDavServer> {
        Self::serving(false)
    }

    /// Starts one that lets nobody change anything.
    pub fn start_read_only() -> io::Result<WebDavServer> {
        Self::serving(true)
    }

    fn serving(read_only: bool) -> io::Result<WebDavServer> {
        WebDavServer::launch("wsgidav", Version::WSGIDAV, |home, address| {
            let config = home.join("wsgidav.json");
            let text = format!(
                r#"{{
                    "host": "127.0.0.1",
                    "port": {port},
                    "provider_mapping": {{"/": {{"root": "{data}", "readonly": {read_only}}}}},
                    "http_authenticator": {{
                        "accept_basic": false, "accept_digest": true, "default_to_digest": true
                    }},
                    "simple_dc": {{"user_mapping": {{"*": {{"{USERNAME}": {{"password": "{PASSWORD}"}}}}}}}}
                }}"#,
                port = address.port(),
                data = data_dir(home).display(),
            );
            std::fs::write(&config, text)?;
            let mut command = Command::new(program("TANDEM_WSGIDAV", "wsgidav")?);
            command.arg("--config").arg(config);
            Ok(command)
        })
    }
}

/// Apache's mod_dav: passes litmus whole, names a fresh ETag weak. It asks for Digest.
#[derive(Debug)]
pub struct Apache;

impl Apache {
    /// Starts one, with nothing in it.
    pub fn start() -> io::Result<WebDavServer> {
        let httpd = program("TANDEM_APACHE", "apache2")?;
        let modules = std::env::var_os("TANDEM_APACHE_MODULES").map(PathBuf::from);
        let modules = modules.unwrap_or_else(|| PathBuf::from("/usr/lib/apache2/modules"));
        WebDavServer::launch("Apache", Version::APACHE, |home, address| {
            let data = data_dir(home);
            std::fs::write(home.join("users"), format!("{USERNAME}:{REALM}:{DIGEST}\n"))?;
            let load: String = [
                "mpm_event",
                "authn_core",
                "authn_file",
                "authz_core",
                "authz_user",
                "auth_digest",
                "dav",
                "dav_fs",
                "dav_lock",
            ]
            .iter()
            .map(|name| {
                let file = modules.join(format!("mod_{name}.so"));
                format!("LoadModule {name}_module {}\n", file.display())
            })
            .collect();
            let config = format!(
                "ServerRoot {home}\nServerName localhost\nPidFile {home}/pid\nListen {address}\n{load}\
                 ErrorLog /dev/stderr\nDocumentRoot {data}\nDavLockDB {home}/locks\n\
                 <Directory {data}>\nDav On\nAuthType Digest\nAuthName {REALM}\nAuthDigestProvider file\n\
                 AuthUserFile {home}/users\nRequire valid-user\n</Directory>\n",
                home = home.display(),
                data = data.display(),
            );
            let file = home.join("apache.conf");
            std::fs::write(&file, config)?;
            open_to_its_user(&[home, &data])?;
            let mut command = Command::new(&httpd);
            command.arg("-X").arg("-f").arg(file);
            Ok(command)
        })
    }
}

/// sabre/dav, the library below Nextcloud and ownCloud, under PHP's own server. It asks for Digest.
#[derive(Debug)]
pub struct Sabre;

impl Sabre {
    /// Starts one, with nothing in it.
    pub fn start() -> io::Result<WebDavServer> {
        let php = program("TANDEM_PHP", "php")?;
        WebDavServer::launch("sabre/dav", Version::SABRE, |home, address| {
            std::fs::write(home.join("users"), format!("{USERNAME}:{REALM}:{DIGEST}\n"))?;
            let script = home.join("server.php");
            let text = SABRE
                .replace("DATA", &data_dir(home).display().to_string())
                .replace("HOME", &home.display().to_string())
                .replace("REALM", REALM);
            std::fs::write(&script, text)?;
            let mut command = Command::new(&php);
            command.arg("-S").arg(address.to_string()).arg(script);
            Ok(command)
        })
    }
}

const SABRE: &str = r"<?php
error_reporting(0);
require_once 'Sabre/autoload.php';
use Sabre\DAV;

$server = new DAV\Server(new DAV\FSExt\Directory('DATA'));
$server->setBaseUri('/');
$server->addPlugin(new DAV\Locks\Plugin(new DAV\Locks\Backend\File('HOME/locks')));
$server->addPlugin(new DAV\Auth\Plugin(new DAV\Auth\Backend\File('HOME/users'), 'REALM'));
$server->exec();
";

/// nginx with the modules dav and dav-ext: heeds no condition, lists neither ETags nor what begins with a full stop, and
/// makes folders that are missing. It asks for Basic.
#[derive(Debug)]
pub struct Nginx;

impl Nginx {
    /// Starts one, with nothing in it.
    pub fn start() -> io::Result<WebDavServer> {
        Self::letting_in(|home| {
            let users = home.join("users").display().to_string();
            format!("auth_basic {REALM};\nauth_basic_user_file {users};\n")
        })
    }

    /// The same for whoever shows this token (RFC 6750, section 2.1).
    pub fn start_for_token(token: &str) -> io::Result<WebDavServer> {
        Self::letting_in(|_| {
            format!("if ($http_authorization != \"Bearer {token}\") {{ return 401; }}\n")
        })
    }

    /// `access` is what decides in its configuration who may come in.
    fn letting_in(access: impl Fn(&Path) -> String) -> io::Result<WebDavServer> {
        let nginx = program("TANDEM_NGINX", "nginx")?;
        let module = "lib/nginx/modules/ngx_http_dav_ext_module.so";
        let module = nginx
            .parent()
            .and_then(Path::parent)
            .map(|usr| usr.join(module))
            .ok_or_else(|| io::Error::other("nginx lies in no folder"))?;
        WebDavServer::launch("nginx", Version::NGINX, |home, address| {
            std::fs::write(
                home.join("users"),
                format!("{USERNAME}:{{PLAIN}}{PASSWORD}\n"),
            )?;
            // As the manual has it (nginx.org/en/docs/http/ngx_http_dav_module.html), but for the size of uploads.
            let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .iter()
                .map(|of| format!("{of}_temp_path {}/temporary;\n", home.display()))
                .collect();
            let config = format!(
                "load_module {module};\ndaemon off;\nmaster_process off;\npid {home}/pid;\nerror_log stderr;\n\
                 events {{}}\nhttp {{\naccess_log off;\ndav_ext_lock_zone zone=locks:10m;\n{temporary}\
                 client_max_body_size 0;\nserver {{\nlisten {address};\nroot {data};\n{access}location / {{\n\
                 dav_methods PUT DELETE MKCOL COPY MOVE;\ndav_ext_methods PROPFIND OPTIONS LOCK UNLOCK;\n\
                 dav_ext_lock zone=locks;\ncreate_full_put_path on;\n}}\n}}\n}}\n",
                access = access(home),
                module = module.display(),
                home = home.display(),
                data = data_dir(home).display(),
            );
            let file = home.join("nginx.conf");
            std::fs::write(&file, config)?;
            let mut command = Command::new(&nginx);
            command.arg("-e").arg("stderr").arg("-c").arg(file);
            Ok(command)
        })
    }
}

/// Started by root, Apache becomes another user.
fn open_to_its_user(folders: &[&Path]) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for folder in folders {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777))?;
    }
    Ok(())
}
