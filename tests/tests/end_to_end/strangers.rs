//! Pairs whose other side is edited by programs that nobody here wrote: they settle, and nothing is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tandem_testkit::servers::azure::{AzureServer, Azurite, SimulatedAzure};
use tandem_testkit::servers::gcs::{GcsServer, Role};
use tandem_testkit::servers::nextcloud::Nextcloud;
use tandem_testkit::servers::postgres::PostgresServer;
use tandem_testkit::servers::swift::{SwiftS3, SwiftServer};
use tandem_testkit::servers::webdav::{Apache, Nginx, RcloneWebDav, Sabre, WebDavServer, WsgiDav};
use tandem_testkit::servers::{Moto, RcloneS3, S3Server, S3sFs, rclone, s5cmd};

use crate::edits::{Draw, edit, finish};
use crate::program::{Device, files, kept};
use crate::sql::Tables;

/// Rounds of edits on both sides with a pass in each, and edits of each side in one.
const ROUNDS: u64 = 5;
const EDITS: u64 = 6;

/// A program that knows the other side, and nothing of Tandem.
pub(crate) enum Stranger {
    /// rclone, by the name of its remote, with the environment that describes that.
    Rclone {
        remote: &'static str,
        environment: Vec<(&'static str, String)>,
        scratch: PathBuf,
    },
    /// s5cmd before an S3 server, with the environment that names that.
    S5cmd {
        environment: Vec<(&'static str, String)>,
        scratch: PathBuf,
    },
    /// curl before a server of WebDAV, whose files lie in a folder of this computer.
    Curl {
        url: String,
        user: String,
        data: PathBuf,
    },
    /// SQL before a database.
    Sql(Tables),
}

impl Stranger {
    pub(crate) fn of_s3(device: &Device, server: &S3Server) -> Self {
        Self::Rclone {
            remote: "there:shared/documents",
            environment: vec![
                ("RCLONE_CONFIG_THERE_TYPE", "s3".to_owned()),
                ("RCLONE_CONFIG_THERE_PROVIDER", "Other".to_owned()),
                ("RCLONE_CONFIG_THERE_ENDPOINT", server.endpoint().to_owned()),
                ("RCLONE_CONFIG_THERE_REGION", server.region().to_owned()),
                (
                    "RCLONE_CONFIG_THERE_ACCESS_KEY_ID",
                    server.access_key().to_owned(),
                ),
                (
                    "RCLONE_CONFIG_THERE_SECRET_ACCESS_KEY",
                    server.secret_key().to_owned(),
                ),
            ],
            scratch: device.folder("stranger"),
        }
    }

    /// rclone lists s3s-fs without end.
    fn of_s3s_fs(device: &Device, server: &S3Server) -> Self {
        Self::S5cmd {
            environment: vec![
                ("S3_ENDPOINT_URL", server.endpoint().to_owned()),
                ("AWS_REGION", server.region().to_owned()),
                ("AWS_ACCESS_KEY_ID", server.access_key().to_owned()),
                ("AWS_SECRET_ACCESS_KEY", server.secret_key().to_owned()),
            ],
            scratch: device.folder("stranger"),
        }
    }

    pub(crate) fn of_azure(device: &Device, server: &AzureServer) -> Self {
        Self::Rclone {
            remote: "there:shared/documents",
            environment: vec![
                ("RCLONE_CONFIG_THERE_TYPE", "azureblob".to_owned()),
                ("RCLONE_CONFIG_THERE_ACCOUNT", server.account().to_owned()),
                ("RCLONE_CONFIG_THERE_KEY", server.key().to_owned()),
                ("RCLONE_CONFIG_THERE_ENDPOINT", server.endpoint().to_owned()),
            ],
            scratch: device.folder("stranger"),
        }
    }

    fn of_gcs(device: &Device, server: &GcsServer, key: &str) -> Self {
        let file = device.path("key.json");
        std::fs::write(&file, key).unwrap();
        Self::Rclone {
            remote: "there:shared/documents",
            environment: vec![
                (
                    "RCLONE_CONFIG_THERE_TYPE",
                    "google cloud storage".to_owned(),
                ),
                (
                    "RCLONE_CONFIG_THERE_ENDPOINT",
                    format!("{}/storage/v1/", server.endpoint()),
                ),
                (
                    "RCLONE_CONFIG_THERE_SERVICE_ACCOUNT_FILE",
                    file.to_str().unwrap().to_owned(),
                ),
                ("RCLONE_CONFIG_THERE_BUCKET_POLICY_ONLY", "true".to_owned()),
            ],
            scratch: device.folder("stranger"),
        }
    }

    pub(crate) fn of_swift(device: &Device, server: &SwiftServer) -> Self {
        let user = SwiftServer::USER;
        let region = SwiftServer::REGION;
        Self::Rclone {
            remote: "there:shared/documents",
            environment: vec![
                ("RCLONE_CONFIG_THERE_TYPE", "swift".to_owned()),
                ("RCLONE_CONFIG_THERE_AUTH", server.auth_v3()),
                ("RCLONE_CONFIG_THERE_USER", user.name.to_owned()),
                ("RCLONE_CONFIG_THERE_KEY", user.password.to_owned()),
                ("RCLONE_CONFIG_THERE_DOMAIN", "Default".to_owned()),
                ("RCLONE_CONFIG_THERE_TENANT", user.account.to_owned()),
                ("RCLONE_CONFIG_THERE_TENANT_DOMAIN", "Default".to_owned()),
                ("RCLONE_CONFIG_THERE_REGION", region.to_owned()),
            ],
            scratch: device.folder("stranger"),
        }
    }

    /// `vendor` is which of the two the server is.
    fn of_nextcloud(device: &Device, server: &Nextcloud, vendor: &str) -> Self {
        let obscured = Command::new(rclone().unwrap())
            .args(["obscure", server.password()])
            .output()
            .unwrap();
        let password = String::from_utf8(obscured.stdout).unwrap();
        Self::Rclone {
            remote: "there:documents",
            environment: vec![
                ("RCLONE_CONFIG_THERE_TYPE", "webdav".to_owned()),
                ("RCLONE_CONFIG_THERE_VENDOR", vendor.to_owned()),
                ("RCLONE_CONFIG_THERE_URL", server.files_url()),
                ("RCLONE_CONFIG_THERE_USER", server.username().to_owned()),
                ("RCLONE_CONFIG_THERE_PASS", password.trim().to_owned()),
            ],
            scratch: device.folder("stranger"),
        }
    }

    pub(crate) fn of_webdav(server: &WebDavServer) -> Self {
        Self::Curl {
            url: format!("{}/documents", server.url()),
            user: format!("{}:{}", server.username(), server.password()),
            data: server.data_dir().join("documents"),
        }
    }

    /// Runs the program; `None` if it did not succeed, as where there is no such file.
    pub(crate) fn run(&self, words: &[&str], input: &[u8]) -> Option<Vec<u8>> {
        let mut command = match self {
            Self::Rclone {
                environment,
                scratch,
                ..
            } => {
                let mut command = Command::new(rclone().unwrap());
                command
                    .env("RCLONE_CONFIG", scratch.join("rclone.conf"))
                    .env_remove("AWS_CA_BUNDLE")
                    .envs(environment.iter().map(|(key, value)| (key, value)));
                command
            }
            Self::S5cmd { environment, .. } => {
                let mut command = Command::new(s5cmd().unwrap());
                command.envs(environment.iter().map(|(key, value)| (key, value)));
                command
            }
            Self::Curl { user, .. } => {
                let mut command = Command::new("curl");
                command.args(["-q", "--silent", "--fail", "--noproxy", "*", "--anyauth"]);
                // Where a server does not answer to it, curl waits for a second.
                command.args(["--user", user, "--header", "Expect:"]);
                command
            }
            Self::Sql(_) => unreachable!("it is no program that is told where"),
        };
        let mut child = command
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // A program that ended early does not read on.
        let _ = child.stdin.take().unwrap().write_all(input);
        let done = child.wait_with_output().unwrap();
        done.status.success().then_some(done.stdout)
    }

    fn place(&self, path: &str) -> String {
        match self {
            Self::Rclone { remote, .. } => format!("{remote}/{path}"),
            Self::S5cmd { .. } => format!("s3://shared/documents/{path}"),
            Self::Curl { url, .. } => format!("{url}/{}", path.replace(' ', "%20")),
            Self::Sql(_) => path.to_owned(),
        }
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let place = self.place(path);
        match self {
            Self::Rclone { .. } | Self::S5cmd { .. } => self.run(&["cat", &place], b""),
            Self::Curl { .. } => self.run(&[&place], b""),
            Self::Sql(tables) => tables.read(path),
        }
    }

    fn write(&self, path: &str, content: &[u8]) -> bool {
        let place = self.place(path);
        let done = match self {
            Self::Rclone { .. } => self.run(&["rcat", &place], content),
            Self::S5cmd { .. } => self.run(&["pipe", &place], content),
            Self::Curl { data, .. } => {
                let file = data.with_file_name("to send");
                std::fs::write(&file, content).unwrap();
                self.run(&["--upload-file", file.to_str().unwrap(), &place], b"")
            }
            Self::Sql(tables) => {
                tables.write(path, content);
                Some(Vec::new())
            }
        };
        done.is_some()
    }

    fn delete(&self, path: &str) -> bool {
        let place = self.place(path);
        let done = match self {
            Self::Rclone { .. } => self.run(&["deletefile", &place], b""),
            Self::S5cmd { .. } => self.run(&["rm", &place], b""),
            Self::Curl { .. } => self.run(&["--request", "DELETE", &place], b""),
            Self::Sql(tables) => tables.delete(path).then(Vec::new),
        };
        done.is_some()
    }

    fn rename(&self, from: &str, to: &str) {
        if let Self::Sql(tables) = self {
            return tables.rename(from, to);
        }
        let (from, to) = (self.place(from), self.place(to));
        match self {
            Self::Rclone { .. } => self.run(&["moveto", &from, &to], b""),
            Self::S5cmd { .. } => self.run(&["mv", &from, &to], b""),
            Self::Curl { .. } => {
                let to = format!("Destination: {to}");
                let header = ["--header", &to, "--header", "Overwrite: F"];
                self.run(
                    &[&["--request", "MOVE"], &header[..], &[&from]].concat(),
                    b"",
                )
            }
            Self::Sql(_) => None,
        };
    }

    /// Everything there, in a folder.
    pub(crate) fn all(&self) -> PathBuf {
        match self {
            Self::Rclone {
                remote, scratch, ..
            } => {
                let folder = scratch.join("all");
                let to = folder.to_str().unwrap();
                assert!(self.run(&["sync", remote, to], b"").is_some());
                folder
            }
            Self::S5cmd { scratch, .. } => {
                let folder = scratch.join("all");
                let _ = std::fs::remove_dir_all(&folder);
                let to = format!("{}/", folder.display());
                let all = ["cp", "s3://shared/documents/*", &to];
                assert!(self.run(&all, b"").is_some());
                folder
            }
            Self::Curl { data, .. } => data.clone(),
            Self::Sql(tables) => tables.all(),
        }
    }

    /// The files there, without those that sabre keeps of its own beside what it serves.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut there = files(&self.all());
        there.retain(|path, _| path != ".sabredav");
        there
    }

    /// So many edits; every content is unlike all others, and what was written over or deleted is asked for by nobody.
    fn edit(&self, round: u64, draw: &mut Draw, written: &mut BTreeSet<Vec<u8>>) {
        let there: Vec<String> = self.files().into_keys().collect();
        for step in 0..EDITS {
            let content = format!("stranger {round} {step} ").repeat(200).into_bytes();
            let some = (!there.is_empty())
                .then(|| there[draw.below(there.len() as u64) as usize].as_str());
            match (draw.below(5), some) {
                (0, Some(path)) => {
                    let old = self.read(path);
                    if self.delete(path)
                        && let Some(old) = old
                    {
                        written.remove(&old);
                    }
                }
                (1, Some(path)) => self.rename(path, &format!("carried {round} {step}.txt")),
                (2 | 3, Some(path)) => {
                    let old = self.read(path);
                    if self.write(path, &content) {
                        written.insert(content);
                        written.retain(|content| old.as_ref() != Some(content));
                    }
                }
                _ => {
                    let path = format!("theirs {round} {step}.txt");
                    assert!(self.write(&path, &content), "{path}");
                    written.insert(content);
                }
            }
        }
    }
}

/// Both sides are edited, the other one while a pass is under way where `overlap` is set, until all is still.
fn settles_and_loses_nothing(device: &Device, stranger: &Stranger, seed: u64, overlap: bool) {
    let folder = device.folder("documents");
    std::fs::write(folder.join("first.txt"), "first").unwrap();
    let here = folder.to_str().unwrap();
    device.ok(&["pair", "add", "documents", here, "there:documents"]);
    device.ok(&["sync", "documents"]);
    let mut draw = Draw(seed);
    let mut written = BTreeSet::from([b"first".to_vec()]);
    for round in 0..ROUNDS {
        edit(&folder, "here", (round, EDITS), &mut draw, &mut written);
        if !overlap {
            stranger.edit(round, &mut draw, &mut written);
        }
        let mut pass = device
            .command(&[], &["sync", "documents"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        if overlap {
            stranger.edit(round, &mut draw, &mut written);
        }
        pass.wait().unwrap();
    }
    finish(device, "documents");
    let (mine, theirs) = (files(&folder), stranger.files());
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&mine), names(&theirs));
    assert_eq!(mine, theirs);
    let mut there_is: BTreeSet<Vec<u8>> = mine.into_values().collect();
    there_is.extend(kept(&folder));
    there_is.extend(kept(&stranger.all()));
    let lost: Vec<String> = written
        .difference(&there_is)
        .map(|content| String::from_utf8_lossy(&content[..20.min(content.len())]).into_owned())
        .collect();
    println!("{} contents, {} lost", written.len(), lost.len());
    assert!(lost.is_empty(), "lost: {lost:?}");
}

/// A container behind `endpoint`: the server itself or what stands before it.
pub(crate) fn add_azure(
    device: &Device,
    name: &str,
    server: &AzureServer,
    (endpoint, container): (&str, &str),
    more: &[&str],
) {
    let set = [
        format!("account={}", server.account()),
        format!("container={container}"),
        format!("endpoint={endpoint}"),
    ];
    let set = set.iter().map(String::as_str).chain(more.iter().copied());
    let secrets = [("account_key", server.key())];
    device.storage_of("azure", name, &set.collect::<Vec<_>>(), &secrets);
}

/// A bucket of Cloud Storage behind `endpoint`.
pub(crate) fn add_gcs(
    device: &Device,
    name: &str,
    key: &str,
    (endpoint, bucket): (&str, &str),
    more: &[&str],
) {
    let set = [format!("bucket={bucket}"), format!("endpoint={endpoint}")];
    let set = set.iter().map(String::as_str).chain(more.iter().copied());
    // A secret is a line.
    let secrets = [("service_account_key", &*key.replace('\n', ""))];
    device.storage_of("gcs", name, &set.collect::<Vec<_>>(), &secrets);
}

/// A container of Swift.
pub(crate) fn add_swift(
    device: &Device,
    name: &str,
    server: &SwiftServer,
    container: &str,
    more: &[&str],
) {
    let user = SwiftServer::USER;
    let set = [
        format!("auth_url={}", server.auth_v3()),
        format!("username={}", user.name),
        format!("project={}", user.account),
        format!("region={}", SwiftServer::REGION),
        format!("container={container}"),
    ];
    let set = set.iter().map(String::as_str).chain(more.iter().copied());
    let secrets = [("password", user.password)];
    device.storage_of("swift", name, &set.collect::<Vec<_>>(), &secrets);
}

/// A bucket that is edited from both sides, also while a pass is under way where `overlap` is set.
pub(crate) fn over_s3(
    server: &S3Server,
    stranger: impl FnOnce(&Device, &S3Server) -> Stranger,
    overlap: bool,
) {
    server.make_bucket("shared").unwrap();
    let device = Device::new();
    device.storage("there", server, server.endpoint(), "shared");
    let stranger = stranger(&device, server);
    settles_and_loses_nothing(&device, &stranger, 1, overlap);
}

fn over_webdav(server: &WebDavServer, overlap: bool) {
    let device = Device::new();
    let url = format!("url={}", server.url());
    let username = format!("username={}", server.username());
    let secrets = [("password", server.password())];
    device.storage_of("webdav", "there", &[&url, &username], &secrets);
    settles_and_loses_nothing(&device, &Stranger::of_webdav(server), 2, overlap);
}

#[test]
fn a_bucket_that_rclone_edits_settles_and_nothing_is_lost() {
    over_s3(&Moto::start().unwrap(), Stranger::of_s3, true);
}

#[test]
fn a_bucket_that_s5cmd_edits_settles_and_nothing_is_lost() {
    over_s3(&S3sFs::start().unwrap(), Stranger::of_s3s_fs, false);
}

#[test]
fn a_bucket_of_rclones_own_server_settles_and_nothing_is_lost() {
    over_s3(&RcloneS3::start().unwrap(), Stranger::of_s3, false);
}

#[test]
fn a_bucket_of_swifts_gateway_settles_and_nothing_is_lost() {
    over_s3(&SwiftS3::start().unwrap(), Stranger::of_s3, false);
}

#[test]
fn a_container_that_rclone_edits_settles_and_nothing_is_lost() {
    over_azure(&Azurite::start().unwrap(), 3);
}

#[test]
fn a_container_with_versions_that_rclone_edits_settles_and_nothing_is_lost() {
    let simulated = SimulatedAzure::start().unwrap();
    simulated.keep_versions(true).unwrap();
    over_azure(&simulated.server(), 9);
}

fn over_azure(server: &AzureServer, seed: u64) {
    let device = Device::new();
    let stranger = Stranger::of_azure(&device, server);
    assert!(stranger.run(&["mkdir", "there:shared"], b"").is_some());
    let place = (server.endpoint(), "shared");
    add_azure(&device, "there", server, place, &[]);
    settles_and_loses_nothing(&device, &stranger, seed, true);
}

#[test]
fn a_bucket_of_cloud_storage_that_rclone_edits_settles_and_nothing_is_lost() {
    let (device, server) = (Device::new(), GcsServer::start().unwrap());
    server.make_bucket("shared");
    let key = server.make_account(Role::Admin).unwrap();
    add_gcs(&device, "there", &key, (&server.endpoint(), "shared"), &[]);
    let stranger = Stranger::of_gcs(&device, &server, &key);
    settles_and_loses_nothing(&device, &stranger, 5, true);
}

#[test]
fn a_container_of_swift_that_rclone_edits_settles_and_nothing_is_lost() {
    let (device, server) = (Device::new(), SwiftServer::start().unwrap());
    let stranger = Stranger::of_swift(&device, &server);
    assert!(stranger.run(&["mkdir", "there:shared"], b"").is_some());
    add_swift(&device, "there", &server, "shared", &[]);
    settles_and_loses_nothing(&device, &stranger, 6, false);
}

#[test]
fn a_nextcloud_that_rclone_edits_settles_and_nothing_is_lost() {
    over_nextcloud(&Nextcloud::start().unwrap(), "nextcloud", 4);
}

#[test]
fn an_owncloud_that_rclone_edits_settles_and_nothing_is_lost() {
    over_nextcloud(&Nextcloud::start_as_owncloud().unwrap(), "owncloud", 9);
}

fn over_nextcloud(server: &Nextcloud, kind: &str, seed: u64) {
    let device = Device::new();
    let (url, username) = (
        format!("url={}", server.url()),
        format!("username={}", server.username()),
    );
    let secrets = [("password", server.password())];
    device.storage_of(kind, "there", &[&url, &username], &secrets);
    let stranger = Stranger::of_nextcloud(&device, server, kind);
    settles_and_loses_nothing(&device, &stranger, seed, true);
}

#[test]
fn a_sqlite_database_that_python_edits_settles_and_nothing_is_lost() {
    let device = Device::new();
    let file = device.path("files.db");
    let location = format!("location={}", file.display());
    device.storage_of("db", "there", &[&location], &[]);
    let stranger = Stranger::Sql(Tables::of_sqlite(&file, device.folder("stranger")));
    settles_and_loses_nothing(&device, &stranger, 7, true);
}

#[test]
fn a_postgresql_database_that_psql_edits_settles_and_nothing_is_lost() {
    let (device, server) = (Device::new(), PostgresServer::start(&[]).unwrap());
    let location = format!("location={}", server.url());
    let secrets = [("password", server.password())];
    device.storage_of("db", "there", &[&location, "sslmode=disable"], &secrets);
    let stranger = Stranger::Sql(Tables::of_postgres(server, device.folder("stranger")));
    settles_and_loses_nothing(&device, &stranger, 8, true);
}

#[test]
fn a_folder_of_apache_that_curl_edits_settles_and_nothing_is_lost() {
    over_webdav(&Apache::start().unwrap(), true);
}

#[test]
fn a_folder_of_sabre_that_curl_edits_settles_and_nothing_is_lost() {
    over_webdav(&Sabre::start().unwrap(), true);
}

#[test]
fn folders_of_servers_that_heed_no_condition_settle_and_nothing_is_lost() {
    over_webdav(&WsgiDav::start().unwrap(), false);
    over_webdav(&RcloneWebDav::start().unwrap(), false);
}

#[test]
fn a_folder_of_nginx_that_curl_edits_settles_and_nothing_is_lost() {
    over_webdav(&Nginx::start().unwrap(), false);
}
