//! The process that is killed: this program, started again for one pass over a pair.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use tandem_testkit::disk_files;

use crate::pair::{Manner, Pair};
use crate::points::{self, Call};
use crate::told::Teller;

/// By these the process that is started is told what it is: the pair's folder, how the pair is set up, and the point at
/// which it ends.
const FOLDER: &str = "TANDEM_CRASH_FOLDER";
const MANNER: &str = "TANDEM_CRASH_MANNER";
const POINT: &str = "TANDEM_CRASH_POINT";

/// How a pass in a process of its own ended.
pub(crate) enum End {
    /// By itself, after these calls.
    Done(Vec<Call>),
    /// Killed at the point named.
    Killed(String),
}

/// Whether this process was started to be killed; then it did its pass, and the test that it was started by has
/// nothing to do in it.
pub(crate) fn is_this() -> bool {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return false;
    };
    let point: u64 = std::env::var(POINT).unwrap().parse().unwrap();
    let told = std::env::var(MANNER).unwrap();
    let mut manners = Manner::ALL.into_iter();
    let (manner, _) = manners.find(|(_, name)| *name == told).unwrap();
    let pair = Pair::at(folder.into(), manner);
    points::begin(point);
    tandem_local::crash_points::put_around(points::around_side);
    let state = disk_files::database(&pair.state(), points::around_state);
    let teller = Teller::new(&pair);
    pair.sync_with(&state, Arc::new(teller)).unwrap();
    std::fs::write(pair.report(), points::write(&points::calls())).unwrap();
    true
}

/// This program, to be started for one pass; `before` is put in front of it.
pub(crate) fn command(pair: &Pair, point: u64, before: &[&str]) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut words: Vec<&std::ffi::OsStr> = before.iter().map(std::ffi::OsStr::new).collect();
    words.push(program.as_os_str());
    let mut manners = Manner::ALL.into_iter();
    let (_, manner) = manners.find(|(m, _)| *m == pair.manner()).unwrap();
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        // Any test that asks whether it is to be killed would do.
        .args(["--exact", "the_points_are_what_the_system_sees"])
        .args(["--nocapture", "--test-threads=1"])
        .env(FOLDER, pair.folder())
        .env(POINT, point.to_string())
        .env(MANNER, manner)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// What a process that ended says of how it did.
pub(crate) fn end(pair: &Pair, output: &Output) -> Result<End, String> {
    let told = String::from_utf8_lossy(&output.stderr);
    if output.status.signal() == Some(rustix::process::Signal::KILL.as_raw()) {
        return Ok(End::Killed(told.trim().to_owned()));
    }
    if !output.status.success() {
        return Err(format!("the pass ended with {}: {told}", output.status));
    }
    let report = std::fs::read_to_string(pair.report()).unwrap();
    Ok(End::Done(points::read(&report)))
}

/// Does one pass in a process of its own, which ends at `point`; at 0 by itself.
pub(crate) fn pass(pair: &Pair, point: u64) -> Result<End, String> {
    end(pair, &command(pair, point, &[]).output().unwrap())
}
