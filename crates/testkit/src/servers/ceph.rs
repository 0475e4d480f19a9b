//! A launcher for Ceph's gateway for S3, with the least of Ceph below it: one monitor, and one object store in memory.
//!
//! "Manual Deployment" and "Ceph Object Gateway" (docs.ceph.com/en/pacific) say what is to be made in which order.
//! Authentication is on, for the gateway does not come up without.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process::Process;
use super::scratch::Scratch;
use super::version::Version;
use super::{
    ACCESS_KEY, REGION, S3Server, SECRET_KEY, begun_anew, free_address, run, wide_program,
};

/// Pools are made one by one before the gateway answers.
const PATIENCE: Duration = Duration::from_secs(180);

/// Ceph's RADOS Gateway: takes If-Match without quotes alone, heeds no condition on a delete or where an upload in parts
/// is finished, keeps versions.
#[derive(Debug)]
pub struct CephRgw;

impl CephRgw {
    /// Starts one, with no buckets.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start() -> io::Result<S3Server> {
        begun_anew(start_once)
    }
}

fn start_once() -> io::Result<S3Server> {
    let home = Scratch::new("tandem-ceph")?;
    let cluster = Cluster {
        home: home.path().to_owned(),
        monitor: free_address()?,
        gateway: free_address()?,
    };
    cluster.prepare()?;

    let monitor = cluster.spawn("ceph-mon", &["-f", "-i", "a"])?;
    let id = uuid()?;
    cluster.run("ceph", &["--connect-timeout", "60", "osd", "new", &id, "0"])?;
    cluster.run("ceph-osd", &["--mkfs", "-i", "0", "--osd-uuid", &id])?;
    let store = cluster.spawn("ceph-osd", &["-f", "-i", "0"])?;
    let user = [
        "user",
        "create",
        "--uid",
        "tandem",
        "--display-name",
        "Tandem",
    ];
    let keys = ["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY];
    cluster.run("radosgw-admin", &[&user[..], &keys].concat())?;
    let mut gateway = cluster.spawn("radosgw", &["-f", "-n", ADMIN])?;
    gateway.wait_until_open(cluster.gateway, PATIENCE)?;
    Ok(S3Server {
        endpoint: format!("http://{}", cluster.gateway),
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
        region: REGION.to_owned(),
        version: Version::CEPH,
        _processes: vec![gateway, store, monitor],
        home,
    })
}

const ADMIN: &str = "client.admin";

/// Where everything of it lies and listens.
struct Cluster {
    home: PathBuf,
    monitor: SocketAddr,
    gateway: SocketAddr,
}

impl Cluster {
    /// Keys, the configuration, and the monitor's first map.
    fn prepare(&self) -> io::Result<()> {
        let id = uuid()?;
        for folder in ["run", "mon", "osd"] {
            fs::create_dir(self.home.join(folder))?;
        }
        fs::write(self.configuration(), self.settings(&id))?;
        let keys = self.text("keyring");
        run(program("ceph-authtool")?.args(["--create-keyring", &keys]))?;
        for (name, rights) in [
            ("mon.", &["mon", "allow *"][..]),
            (ADMIN, &["mon", "allow *", "osd", "allow *"]),
            ("osd.0", &["mon", "allow profile osd", "osd", "allow *"]),
        ] {
            let mut command = program("ceph-authtool")?;
            command.args([&*keys, "--gen-key", "--name", name]);
            for right in rights.chunks(2) {
                command.arg("--cap").args(right);
            }
            run(&mut command)?;
        }
        let map = self.text("monmap");
        let address = format!("[v2:{}]", self.monitor);
        run(program("monmaptool")?
            .args(["--create", "--fsid", &id, "--addv", "a", &address])
            .args(["--set-min-mon-release", "pacific", &map]))?;
        let made = ["--mkfs", "-i", "a", "--monmap", &map, "--keyring", &keys];
        self.run("ceph-mon", &made).map(|_| ())
    }

    fn settings(&self, id: &str) -> String {
        let (home, monitor) = (self.home.display(), self.monitor);
        let gateway = self.gateway;
        format!(
            "[global]
fsid = {id}
mon_host = [v2:{monitor}]
mon_data = {home}/mon
osd_data = {home}/osd
keyring = {home}/keyring
run_dir = {home}/run
crash_dir = {home}/run
# A socket's path is shorter than that of many a folder for temporary files.
admin_socket =
log_to_file = false
log_to_stderr = true
err_to_stderr = true
debug_rocksdb = 0
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
client_mount_timeout = 60
rados_osd_op_timeout = 120
# Each pool waits for the monitor several times.
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
mon_allow_pool_size_one = true
osd_objectstore = memstore
memstore_device_bytes = 8589934592
osd_crush_chooseleaf_type = 0
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
rgw_rados_pool_pg_num_min = 1
rgw_frontends = beast endpoint={gateway}
"
        )
    }

    fn configuration(&self) -> PathBuf {
        self.home.join("ceph.conf")
    }

    fn text(&self, name: &str) -> String {
        self.home.join(name).display().to_string()
    }

    fn command(&self, name: &str) -> io::Result<Command> {
        let mut command = program(name)?;
        command.arg("-c").arg(self.configuration());
        Ok(command)
    }

    fn run(&self, name: &str, arguments: &[&str]) -> io::Result<String> {
        run(self.command(name)?.args(arguments))
    }

    /// Starts one that goes on, with a log of its own.
    fn spawn(&self, name: &str, arguments: &[&str]) -> io::Result<Process> {
        let beside = self.home.join(format!("{name} log"));
        fs::create_dir(&beside)?;
        Process::spawn(name, self.command(name)?.args(arguments), &beside)
    }
}

/// A program of Ceph's, which all lie beside each other.
fn program(name: &str) -> io::Result<Command> {
    let gateway = wide_program("TANDEM_CEPH", "radosgw")?;
    Ok(Command::new(gateway.with_file_name(name)))
}

fn uuid() -> io::Result<String> {
    let made = fs::read_to_string(Path::new("/proc/sys/kernel/random/uuid"))?;
    Ok(made.trim().to_owned())
}
