use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs the server and ends it when standard input closes. A test that is killed runs no destructors, but the system
/// closes its pipes, so the server does not outlive it.
const KEEPER: &str = r#"
exec 3<&0
signal=$1; shift
"$@" </dev/null 3<&- & server=$!
{ cat <&3; kill -$signal $server; } >/dev/null 2>&1 & watcher=$!
wait $server; status=$?
kill $watcher 2>/dev/null
exit $status
"#;

const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running server program. Dropping it kills the program and waits until it is gone.
#[derive(Debug)]
pub(super) struct Process {
    title: String,
    keeper: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` in `home`; what it prints goes to a file there.
    pub(super) fn spawn(title: &str, command: &Command, home: &Path) -> io::Result<Self> {
        Self::spawn_ended_by("KILL", title, command, home)
    }

    /// The same for a program that leaves something behind unless it is ended by `signal`.
    pub(super) fn spawn_ended_by(
        signal: &str,
        title: &str,
        command: &Command,
        home: &Path,
    ) -> io::Result<Self> {
        let log = home.join("server.log");
        let output = File::create(&log)?;
        let environment = command
            .get_envs()
            .filter_map(|(key, value)| Some((key, value?)));
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "sh", signal])
            .arg(command.get_program())
            .args(command.get_args())
            .envs(environment)
            .current_dir(home)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        Ok(Self {
            title: title.to_owned(),
            keeper,
            log,
        })
    }

    /// Waits until the server answers, and says where. It chose its port itself: one chosen for it could be taken by
    /// another program before it listens.
    pub(super) fn wait_for_address(&mut self, limit: Duration) -> io::Result<SocketAddr> {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if let Some(status) = self.keeper.try_wait()? {
                return Err(self.failure(&format!("ended before it answered ({status})")));
            }
            if let Some(address) = address_in(&self.printed())
                && TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
            {
                return Ok(address);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err(self.failure(&format!("did not answer within {} s", limit.as_secs())))
    }

    /// Waits until something answers at `address`, which the server was told to take.
    pub(super) fn wait_until_open(
        &mut self,
        address: SocketAddr,
        limit: Duration,
    ) -> io::Result<()> {
        let is_open = || TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok();
        self.wait_until(limit, |_| is_open())
    }

    /// Waits until the server printed `text`.
    pub(super) fn wait_until_printed(&mut self, text: &str, limit: Duration) -> io::Result<()> {
        self.wait_until(limit, |server| server.printed().contains(text))
    }

    fn wait_until(&mut self, limit: Duration, is_so: impl Fn(&Self) -> bool) -> io::Result<()> {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if let Some(status) = self.keeper.try_wait()? {
                return Err(self.failure(&format!("ended before it answered ({status})")));
            }
            if is_so(self) {
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err(self.failure(&format!("did not answer within {} s", limit.as_secs())))
    }

    fn printed(&self) -> String {
        std::fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    fn failure(&self, what: &str) -> io::Error {
        io::Error::other(format!(
            "{} {what}; it printed:\n{}",
            self.title,
            self.printed()
        ))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // The keeper ends right after the server; it has nothing to say that a test could still use.
        let _ = self.keeper.wait();
    }
}

/// The first loopback address with a port in what a server printed. The character after the port must be there, or
/// the line may still be on its way.
fn address_in(printed: &str) -> Option<SocketAddr> {
    const START: &str = "http://127.0.0.1:";
    printed.match_indices(START).find_map(|(at, _)| {
        let rest = &printed[at + START.len()..];
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let port: u16 = rest[..digits].parse().ok()?;
        (port != 0).then(|| SocketAddr::from(([127, 0, 0, 1], port)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_each_servers_way_of_saying_it() {
        for line in [
            " * Running on http://127.0.0.1:43663\n",
            "INFO s3s_fs: server is running at http://127.0.0.1:43663\n",
            "NOTICE: Starting s3 server on [http://127.0.0.1:43663/]",
        ] {
            assert_eq!(
                address_in(line),
                Some(SocketAddr::from(([127, 0, 0, 1], 43663))),
                "{line}"
            );
        }
    }

    #[test]
    fn half_a_line_is_no_address() {
        assert_eq!(address_in("Running on http://127.0.0.1:436"), None);
        assert_eq!(address_in("asked for http://127.0.0.1:0\n"), None);
    }
}
