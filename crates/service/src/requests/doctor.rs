//! `doctor`: whether all that Tandem needs is well, and a bundle for those who help.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tandem_core::path::RelPath;
use tandem_core::storage::WatchCoverage;

use super::bundle::Names;
use crate::answer::{Answer, CheckView, DoctorView};
use crate::config::Config;
use crate::credentials::StoreKind;
use crate::environment::now;
use crate::fault::{Fault, Result};
use crate::location::{LOCAL, Location};
use crate::profile::{RotatingFile, create_named_file, system_number};
use crate::service::Service;
use crate::words::{self, Words, grouped};

/// Fewer watches than this are used up by a few large folders; the rest is then polled.
const WATCHES: u64 = 65_536;
/// This program is newer than 2026: a clock before that is wrong.
const OLDEST_NOW: i64 = 1_767_225_600;

impl Service {
    pub(super) async fn doctor(&self, bundle: Option<PathBuf>, names: bool) -> Result<Answer> {
        let config = self.config();
        let mut checks = vec![
            well(
                "program",
                format!("Tandem {} runs.", env!("CARGO_PKG_VERSION")),
            ),
            well(
                "profile",
                format!("The profile {} is open.", self.0.profile.folder().display()),
            ),
        ];
        checks.push(clock());
        checks.extend(watches());
        checks.push(self.secrets(&config).await);
        for storage in config.storages.iter().filter(|s| s.enabled) {
            let at = Location {
                storage: storage.name.clone(),
                path: String::new(),
            };
            let mut found = check(
                &format!("storage {}", storage.name),
                self.look(&config, &at).await,
            );
            if found.ok && storage.capabilities().is_none() {
                "untested".clone_into(&mut found.cause);
                found.next_step = words::untested(&storage.name);
            }
            checks.push(found);
        }
        for pair in &config.pairs {
            // A file edited by hand may say what no command would have let pass.
            let others = config.without(&pair.id);
            if let Err(fault) = super::pairs::check_rules(&self.0.storages, &others, pair) {
                checks.push(check(&format!("pair {}", pair.name), Err(fault)));
            }
            for end in [&pair.source, &pair.destination] {
                if end.storage == LOCAL {
                    let at = self.location(end);
                    checks.push(check(
                        &format!("pair {}", pair.name),
                        self.look(&config, &at).await,
                    ));
                }
            }
        }
        for (pair, engine) in self.open_engines() {
            let coverage = engine.watch_coverage();
            for (end, coverage) in [
                (&pair.source, &coverage.source),
                (&pair.destination, &coverage.destination),
            ] {
                let place = self.location(end).to_string();
                checks.extend(coverage.iter().map(|c| watched(&pair.name, &place, c)));
            }
        }
        let mut answer = DoctorView {
            checks,
            bundle: None,
            names,
        };
        if let Some(path) = bundle {
            self.write_bundle(&path, &config, &answer)?;
            answer.bundle = Some(path);
        }
        Ok(Answer::Doctor(answer))
    }

    /// The places that sentences tell of.
    fn places(&self, config: &Config) -> Vec<String> {
        let ends = config
            .pairs
            .iter()
            .flat_map(|p| [&p.source, &p.destination]);
        let home = std::env::home_dir().map(|home| home.display().to_string());
        ends.map(|end| self.location(end).to_string())
            .chain(home)
            .chain([self.0.profile.folder().display().to_string()])
            .collect()
    }

    /// Whether a folder can be looked at.
    async fn look(&self, config: &Config, at: &Location) -> Result<String> {
        let (root, words) = self.0.storages.root(config, at).await?;
        match root.identity(false).await {
            Ok(_) => Ok(format!("{at} can be reached.")),
            Err(error) => Err(Fault::Storage(Box::new(words), Box::new(error))),
        }
    }

    async fn secrets(&self, config: &Config) -> CheckView {
        let secret = |s: &&crate::config::StorageRecord| !s.secrets.is_empty();
        let used = config.storages.iter().find(secret).map(|s| s.secret_store);
        let kind = used.unwrap_or(config.settings.secret_store);
        // An id that nobody has: only whether the store answers counts.
        let found = self
            .0
            .storages
            .secrets()
            .store(kind)
            .load(&uuid::Uuid::nil().to_string())
            .await;
        let name = match kind {
            StoreKind::Keyring => "keyring",
            StoreKind::File => "encrypted file",
        };
        match found {
            Ok(_) => well("secrets", format!("The {name} can be used.")),
            Err(error) if used.is_none() => {
                // Nothing is missing yet.
                let found = check("secrets", Err(Fault::Secret(error)));
                CheckView {
                    ok: true,
                    message: format!("{} No storage needs one so far.", found.message),
                    ..found
                }
            }
            Err(error) => check("secrets", Err(Fault::Secret(error))),
        }
    }

    /// A tar of text: the checks, the configuration and the logs, each cleaned of secrets and, unless they are
    /// wanted, of names.
    fn write_bundle(&self, path: &Path, config: &Config, answer: &DoctorView) -> Result<()> {
        let broken =
            |error: std::io::Error| Fault::FileIo(path.display().to_string(), error.to_string());
        let file = create_named_file(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => Fault::FileThere(path.display().to_string()),
            _ => broken(error),
        })?;
        let written = self.fill_bundle(file, config, answer, &broken);
        if written.is_err() {
            // Half of one helps nobody, and would be in the way of the next.
            let _ = std::fs::remove_file(path);
        }
        written
    }

    fn fill_bundle(
        &self,
        file: std::fs::File,
        config: &Config,
        answer: &DoctorView,
        broken: &dyn Fn(std::io::Error) -> Fault,
    ) -> Result<()> {
        let names = (!answer.names).then(|| Names::new(self.places(config)));
        let (answer, config) = match &names {
            Some(names) => (
                names.doctor(answer.clone()),
                names.config(config.clone(), |s| self.0.storages.ground(s)),
            ),
            None => (answer.clone(), config.clone()),
        };
        let mut parts = vec![
            (
                "doctor.json".to_owned(),
                serde_json::to_string_pretty(&answer).unwrap_or_default(),
            ),
            ("config.toml".to_owned(), config.to_text()?),
        ];
        for name in RotatingFile::names() {
            let name = format!("logs/{name}");
            if let Some(content) = self.0.profile.read(&name).map_err(broken)? {
                let text = String::from_utf8_lossy(&content).into_owned();
                parts.push((name, names.as_ref().map_or(text.clone(), |n| n.log(&text))));
            }
        }
        let mut tar = tar::Builder::new(file);
        for (name, text) in parts {
            let text = self.0.redactor.clean(&text);
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o600);
            header.set_mtime(now().secs().unsigned_abs());
            tar.append_data(&mut header, format!("tandem/{name}"), text.as_bytes())
                .map_err(broken)?;
        }
        let mut file = tar.into_inner().map_err(broken)?;
        file.flush().map_err(broken)?;
        file.sync_all().map_err(broken)
    }
}

fn well(name: &str, message: String) -> CheckView {
    CheckView {
        name: name.to_owned(),
        ok: true,
        cause: String::new(),
        message,
        next_step: String::new(),
    }
}

fn check(name: &str, found: Result<String>) -> CheckView {
    match found {
        Ok(message) => well(name, message),
        Err(fault) => {
            let Words { message, next_step } = Words::of_fault(&fault);
            CheckView {
                name: name.to_owned(),
                ok: false,
                cause: fault.cause().to_owned(),
                message,
                next_step,
            }
        }
    }
}

/// How far one hears of what happens in a folder, and how the rest is seen.
fn watched(pair: &str, place: &str, coverage: &WatchCoverage) -> CheckView {
    let every = |pause: Duration| match pause.as_secs() {
        secs if secs >= 60 => words::count(secs / 60, "minute", "minutes"),
        secs => words::count(secs, "second", "seconds"),
    };
    let folders = |number: usize| words::count(number as u64, "folder", "folders");
    let mut said = vec![format!(
        "Changes in {place} are heard of: {} watched.",
        words::count(coverage.needed, "folder is", "folders are")
    )];
    if !coverage.shared.is_empty() {
        let where_ = match coverage.shared.contains(&RelPath::root()) {
            true => "It lies".to_owned(),
            false if coverage.shared.len() == 1 => "One folder in it lies".to_owned(),
            false => format!("{} in it lie", folders(coverage.shared.len())),
        };
        said.push(format!(
            "{where_} on a network, where others' changes are not heard of: Tandem looks for them every {}.",
            every(coverage.shared_every)
        ));
    }
    let mut found = well(&format!("watch of {pair}"), String::new());
    if !coverage.polled.is_empty() {
        found.ok = false;
        "watches".clone_into(&mut found.cause);
        said.push(format!(
            "{} cannot be watched with all below: the system lends no more watches. Tandem looks there every {}.",
            folders(coverage.polled.len()),
            every(coverage.polled_every)
        ));
        let enough = (coverage.needed * 2).max(WATCHES);
        found.next_step = format!("Raise fs.inotify.max_user_watches to {}.", grouped(enough));
    }
    found.message = said.join(" ");
    found
}

fn clock() -> CheckView {
    if now().secs() >= OLDEST_NOW {
        return well("clock", "The clock makes sense.".to_owned());
    }
    CheckView {
        name: "clock".to_owned(),
        ok: false,
        cause: "clock_skew".to_owned(),
        message: "The clock of this computer is years behind.".to_owned(),
        next_step: "Set it: servers refuse requests from the past.".to_owned(),
    }
}

/// How many folders the system lets one user watch.
fn watches() -> Option<CheckView> {
    let most = system_number("/proc/sys/fs/inotify/max_user_watches")?;
    let message = format!("{} folders can be watched.", grouped(most));
    if most >= WATCHES {
        return Some(well("watches", message));
    }
    Some(CheckView {
        name: "watches".to_owned(),
        ok: false,
        cause: "watches".to_owned(),
        message,
        next_step: format!(
            "Larger trees are looked through from time to time instead; raise fs.inotify.max_user_watches to {}.",
            grouped(WATCHES)
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coverage() -> WatchCoverage {
        WatchCoverage {
            needed: 4_096,
            polled_every: Duration::from_secs(30),
            shared_every: Duration::from_secs(300),
            ..WatchCoverage::default()
        }
    }

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    #[test]
    fn what_is_heard_of_whole_needs_nothing() {
        let found = watched("Photos", "/home/me/Photos", &coverage());
        assert!(found.ok);
        assert_eq!(
            found.message,
            "Changes in /home/me/Photos are heard of: 4,096 folders are watched."
        );
        assert_eq!(found.next_step, "");
    }

    #[test]
    fn what_others_change_on_a_network_is_said_to_be_looked_for() {
        let shared = WatchCoverage {
            shared: [RelPath::root()].into(),
            ..coverage()
        };
        let found = watched("Photos", "/mnt/nas", &shared);
        assert!(found.ok, "nothing can be done about it");
        let says = "It lies on a network, where others' changes are not heard of: Tandem looks for them every 5 minutes.";
        assert!(found.message.ends_with(says), "{}", found.message);
    }

    #[test]
    fn where_watches_run_out_it_is_said_how_many_are_enough() {
        let short = WatchCoverage {
            needed: 100_000,
            polled: [path("a"), path("b/c")].into(),
            ..coverage()
        };
        let found = watched("Photos", "/home/me", &short);
        assert!(!found.ok);
        assert!(found.message.contains("2 folders cannot be watched"));
        assert!(
            found
                .message
                .ends_with("Tandem looks there every 30 seconds.")
        );
        assert!(
            found.next_step.ends_with("to 200,000."),
            "{}",
            found.next_step
        );
    }
}
