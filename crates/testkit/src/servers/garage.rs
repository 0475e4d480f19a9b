//! A launcher for Garage.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use super::process::Process;
use super::scratch::Scratch;
use super::version::Version;
use super::{REGION, S3Server, START_LIMIT, begun_anew, free_address, run, wide_program};

/// A key as Garage makes them: it takes no other.
const ACCESS_KEY: &str = "GK7461746e64656d74657374";
const SECRET_KEY: &str = "74616e64656d2074657374207365637265742074616e64656d20746573742073";

/// Garage: answers 200 to every condition on a write and overwrites, checks digests, keeps no versions.
#[derive(Debug)]
pub struct Garage;

impl Garage {
    /// Starts one, with no buckets.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start() -> io::Result<S3Server> {
        begun_anew(start_once)
    }
}

fn start_once() -> io::Result<S3Server> {
    let home = Scratch::new("tandem-garage")?;
    let (among, answers) = (free_address()?, free_address()?);
    let folder = home.path().display();
    let settings = format!(
        "metadata_dir = \"{folder}/meta\"
data_dir = \"{folder}/data\"
db_engine = \"sqlite\"
replication_factor = 1
rpc_secret = \"{SECRET_KEY}\"
rpc_bind_addr = \"{among}\"
rpc_public_addr = \"{among}\"
[s3_api]
s3_region = \"{REGION}\"
api_bind_addr = \"{answers}\"
"
    );
    fs::write(home.path().join(SETTINGS), settings)?;
    let mut server = Process::spawn(
        "Garage",
        command(home.path())?.args(["server", "--single-node"]),
        home.path(),
    )?;
    server.wait_until_open(answers, START_LIMIT)?;
    let ask = |arguments: &[&str]| run(command(home.path())?.args(arguments));
    ask(&["key", "import", "--yes", ACCESS_KEY, SECRET_KEY])?;
    ask(&["key", "allow", "--create-bucket", ACCESS_KEY])?;
    Ok(S3Server {
        endpoint: format!("http://{answers}"),
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
        region: REGION.to_owned(),
        version: Version::GARAGE,
        _processes: vec![server],
        home,
    })
}

const SETTINGS: &str = "garage.toml";

fn command(home: &Path) -> io::Result<Command> {
    let mut command = Command::new(wide_program("TANDEM_GARAGE", "garage")?);
    command.arg("-c").arg(home.join(SETTINGS));
    Ok(command)
}
