//! Processes, and what the system tells of them.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};

use crate::eventually;

/// A process that ends when it is dropped.
pub(crate) struct Killed(pub(crate) Child);

impl Killed {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.spawn();
        Self(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Asks it to end, as a session does that ends.
    pub(crate) fn ask_to_end(&self) {
        let id = Pid::from_raw(self.0.id().cast_signed()).unwrap();
        kill_process(id, Signal::TERM).unwrap();
    }

    /// Waits until it has ended.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        eventually("the process ends", async || self.0.try_wait().unwrap()).await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let panicked = self.complaints().contains("panicked at");
        assert!(
            !panicked || std::thread::panicking(),
            "the program panicked"
        );
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        // Errors mean that it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program.
pub(crate) struct Program {
    process: Killed,
    complaints: Arc<Mutex<String>>,
}

impl Program {
    /// Starts it; what it complains about is shown among the test's own complaints, and kept.
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut process = Killed::start(&mut command);
        let complaints = Arc::new(Mutex::new(String::new()));
        let (lines, kept) = (process.0.stderr.take().unwrap(), Arc::clone(&complaints));
        std::thread::spawn(move || {
            for line in BufReader::new(lines).lines().map_while(Result::ok) {
                eprintln!("{line}");
                kept.lock().unwrap().push_str(&line);
            }
        });
        Self {
            process,
            complaints,
        }
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it said on its standard error, line after line.
    pub(crate) fn complaints(&self) -> String {
        self.complaints.lock().unwrap().clone()
    }

    /// Asks it to end, as a session does that ends.
    pub(crate) fn ask_to_end(&self) {
        self.process.ask_to_end();
    }

    /// Waits until it has ended, and says with what code.
    pub(crate) async fn end(&mut self) -> Option<i32> {
        self.process.end().await.code()
    }

    /// The processes that it has at the moment: that of the window, and WebKit's below that.
    pub(crate) fn others(&self) -> Vec<String> {
        self.below().into_iter().map(|(_, name)| name).collect()
    }

    /// What it and its processes have in memory alone, and their part of what they share, in bytes: the PSS.
    pub(crate) fn memory(&self) -> u64 {
        let others = self.below().into_iter().map(|(id, _)| id);
        others
            .chain([self.process.id()])
            .map(proportional_size)
            .sum()
    }

    /// For how long it has run on a processor, in ticks.
    pub(crate) fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let (_, after) = stat.rsplit_once(')').unwrap();
        // By proc_pid_stat(5) the name is the second field, and utime and stime the fourteenth and fifteenth.
        let times = after.split_whitespace().skip(11).take(2);
        times.map(|time| time.parse::<u64>().unwrap()).sum()
    }

    fn below(&self) -> Vec<(u32, String)> {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let all: Vec<_> = processes
            .filter_map(|entry| {
                let id = entry.file_name().to_str()?.parse::<u32>().ok()?;
                let (name, parent) = name_and_parent(entry.path().join("stat"))?;
                Some((id, name, parent))
            })
            .collect();
        let (mut above, mut found) = (vec![self.process.id()], Vec::new());
        while let Some(parent) = above.pop() {
            for (id, name, _) in all.iter().filter(|(_, _, of)| *of == parent) {
                above.push(*id);
                found.push((*id, name.clone()));
            }
        }
        found
    }
}

/// By proc_pid_stat(5): the name stands in brackets and may hold any character.
fn name_and_parent(stat: PathBuf) -> Option<(String, u32)> {
    let stat = std::fs::read_to_string(stat).ok()?;
    let (before, after) = stat.rsplit_once(')')?;
    let name = before.split_once('(')?.1.to_owned();
    let mut fields = after.split_whitespace();
    // What has ended and is not waited for is there by name alone.
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z").then_some((name, parent))
}

fn proportional_size(id: u32) -> u64 {
    let sizes = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap_or_default();
    let line = sizes.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kilobytes.map_or(0, |text| text.parse::<u64>().unwrap() << 10)
}
