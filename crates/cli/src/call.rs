//! From the command line to requests. What a person wrote is read here, in the person's folder and with the
//! person's standard input; the owner of the profile may be another process in another place.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use tandem_core::side::PerSide;
use tandem_engine::report::Rejection;
use tandem_service::credentials::StoreKind;
use tandem_service::environment::now;
use tandem_service::fault::{Fault, Result};
use tandem_service::location::Location;
use tandem_service::profile::read_named_file;
use tandem_service::request::{
    KeepSide, PairChange, PairSpec, PathSpec, Request, StorageSpec, UndoSpec, VerifySpec,
};
use tandem_service::time_text;
use tandem_service::when::When;

use crate::args::{Command, ConfigCommand, Global, Keep, PairCommand, StorageCommand, Store};
use crate::secrets;

/// What a command asks for. `run` and `selftest` ask for nothing.
pub(crate) fn request(command: Command, global: &Global) -> Result<Option<Request>> {
    Ok(Some(match command {
        Command::Storage(command) => storage(command, global)?,
        Command::Pair(command) => pair(command)?,
        Command::Ls { location } => Request::List {
            at: place(&location)?,
        },
        Command::Cp { from, to, force } => Request::Copy {
            from: place(&from)?,
            to: target(&to)?,
            force,
        },
        Command::Preview { pairs } => Request::Preview {
            pairs,
            streams: false,
        },
        Command::Sync {
            pairs,
            dry_run: true,
        } => Request::Preview {
            pairs,
            streams: true,
        },
        Command::Sync { pairs, .. } => Request::Sync {
            pairs,
            actions: global.json || global.verbose,
        },
        Command::Run | Command::Selftest { .. } => return Ok(None),
        Command::Status {
            pair,
            watch,
            problems,
        } => Request::Status {
            pair,
            problems,
            watch,
        },
        Command::Held { pair } => Request::Held { pair },
        Command::Approve { hold } => Request::Approve { hold },
        Command::Reject { hold, how } => {
            let how = match how {
                how if how.restore => Rejection::Restore,
                how if how.detach => Rejection::Detach,
                _ => Rejection::Pause,
            };
            Request::Reject { hold, how }
        }
        Command::Log {
            pair,
            path,
            follow,
            limit,
        } => {
            let path = path.map(|path| spec(path, pair.clone()));
            Request::Log {
                pair,
                path,
                limit,
                follow,
            }
        }
        Command::Explain { path, pair } => Request::Explain {
            path: spec(path, pair),
        },
        Command::Conflicts { pair } => Request::Conflicts { pair },
        Command::Resolve { id, keep, file } => Request::Resolve {
            seen: None,
            id,
            keep: keep_side(keep, file)?,
        },
        Command::Versions { path, pair } => Request::Versions {
            path: spec(path, pair),
        },
        Command::Restore {
            path,
            version,
            pair,
        } => Request::Restore {
            path: spec(path, pair),
            version,
        },
        Command::Undo { what, pair } => Request::Undo(match (what.action, what.run, what.since) {
            (Some(action), _, _) => UndoSpec::Action(in_pair(action, pair)),
            (_, Some(run), _) => UndoSpec::Run(in_pair(run, pair)),
            (_, _, since) => UndoSpec::Since(time(&since.unwrap_or_default(), -1)?, pair),
        }),
        Command::Verify {
            pair,
            deep,
            sample,
            limit_bytes,
            repair,
        } => Request::Verify(VerifySpec {
            pair,
            deep,
            sample,
            limit_bytes,
            repair,
        }),
        Command::Doctor { bundle } => Request::Doctor {
            bundle: bundle.map(|path| absolute(&path)),
            names: global.verbose,
        },
        Command::Config(ConfigCommand::Export { .. }) => Request::ConfigExport,
        Command::Config(ConfigCommand::Import { file }) => Request::ConfigImport {
            text: read_text(&file)?,
        },
        Command::Config(ConfigCommand::Show) => Request::Settings,
        Command::Config(ConfigCommand::Set(flags)) => Request::SettingsChange {
            settings: flags.changes(),
        },
    }))
}

fn storage(command: StorageCommand, global: &Global) -> Result<Request> {
    Ok(match command {
        StorageCommand::Types => Request::StorageTypes,
        StorageCommand::List => Request::StorageList,
        StorageCommand::Show { name } => Request::StorageShow { name },
        StorageCommand::Test { name } => Request::StorageTest { name },
        StorageCommand::Enable { name } => Request::StorageEnable { name, on: true },
        StorageCommand::Disable { name } => Request::StorageEnable { name, on: false },
        StorageCommand::Rename { name, new } => Request::StorageRename { name, new },
        StorageCommand::Remove { name } => Request::StorageRemove { name },
        StorageCommand::Login { name, .. } => Request::StorageLogin { name },
        StorageCommand::Add {
            name,
            type_name,
            values,
        } => Request::StorageAdd(values_of(name, Some(type_name), values, global)?),
        StorageCommand::Edit { name, values } => {
            Request::StorageEdit(values_of(name, None, values, global)?)
        }
    })
}

fn values_of(
    name: String,
    type_name: Option<String>,
    values: crate::args::Values,
    global: &Global,
) -> Result<StorageSpec> {
    secrets::check_keys(&values.secret)?;
    Ok(StorageSpec {
        name,
        type_name,
        label: values.label,
        config: values.set.into_iter().collect(),
        secrets: secrets::read(&values.secret)?,
        test: !values.no_test,
        store: global.secret_store.map(|store| match store {
            Store::Keyring => StoreKind::Keyring,
            Store::File => StoreKind::File,
        }),
        unattended: !(io::stdin().is_terminal() && io::stderr().is_terminal()),
    })
}

fn pair(command: PairCommand) -> Result<Request> {
    Ok(match command {
        PairCommand::Add {
            name,
            source,
            destination,
            flags,
        } => {
            let ends = PerSide::new(place(&source)?, place(&destination)?);
            Request::PairAdd(Box::new(PairSpec {
                name,
                ends,
                options: flags.changes(),
                unstarted: false,
            }))
        }
        PairCommand::Guarantees { name } => Request::PairGuarantees { name },
        PairCommand::List => Request::PairList,
        PairCommand::Show { name } => Request::PairShow { name },
        PairCommand::Edit {
            name,
            rename,
            source,
            destination,
            flags,
        } => {
            let at = |text: Option<String>| text.as_deref().map(place).transpose();
            let ends = PerSide::new(at(source)?, at(destination)?);
            let options = flags.changes();
            Request::PairEdit(Box::new(PairChange {
                name,
                rename,
                ends,
                options,
            }))
        }
        PairCommand::Pause { name, until } => {
            let until = until.as_deref().map(|text| time(text, 1)).transpose()?;
            Request::PairPause {
                name,
                paused: true,
                until,
            }
        }
        PairCommand::Resume { name } => Request::PairPause {
            name,
            paused: false,
            until: None,
        },
        PairCommand::Remove { name } => Request::PairRemove { name },
    })
}

/// A place as a person wrote it here.
fn place(text: &str) -> Result<Location> {
    let current = current_folder(text)?;
    let home = std::env::home_dir();
    Location::parse(text, &current, home.as_deref())
        .map_err(|why| Fault::BadLocation(text.to_owned(), why.to_string()))
}

/// Like [`place`], but keeps a separator at the end, which asks for the copy to go inside.
fn target(text: &str) -> Result<Location> {
    let mut place = place(text)?;
    if !place.is_local() || !text.ends_with('/') || place.path.ends_with('/') {
        return Ok(place);
    }
    place.path.push('/');
    Ok(place)
}

fn current_folder(text: &str) -> Result<PathBuf> {
    std::env::current_dir().map_err(|error| Fault::BadLocation(text.to_owned(), error.to_string()))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn spec(text: String, pair: Option<String>) -> PathSpec {
    // What is no place may still be a path in a pair.
    PathSpec {
        place: place(&text).ok(),
        text,
        pair,
    }
}

fn in_pair(id: String, pair: Option<String>) -> String {
    match pair {
        Some(pair) if !id.contains(':') => format!("{pair}:{id}"),
        _ => id,
    }
}

fn time(text: &str, direction: i64) -> Result<When> {
    time_text::parse(text, now(), direction)
        .map(When)
        .ok_or_else(|| {
            Fault::Usage(
                format!("“{text}” is no time."),
                "Give one such as 14:02, “2026-11-20 14:02”, or a length such as 30m.".to_owned(),
            )
        })
}

fn keep_side(keep: Keep, file: Option<PathBuf>) -> Result<KeepSide> {
    Ok(match (keep, file) {
        (Keep::Source, _) => KeepSide::Source,
        (Keep::Destination, _) => KeepSide::Destination,
        (Keep::Both, _) => KeepSide::Both,
        (Keep::Merged, Some(file)) => KeepSide::Merged(read_text(&file)?),
        (Keep::Merged, None) => {
            let next = "Name it with --file.".to_owned();
            return Err(Fault::Usage("The merged text is missing.".to_owned(), next));
        }
    })
}

fn read_text(path: &Path) -> Result<String> {
    let shown = path.display().to_string();
    let content = read_named_file(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Fault::NothingThere(shown.clone()),
        _ => Fault::Usage(
            format!("{shown} cannot be read: {error}."),
            "Check the file.".to_owned(),
        ),
    })?;
    String::from_utf8(content).map_err(|_| {
        Fault::Usage(
            format!("{shown} is not text."),
            "Choose another file.".to_owned(),
        )
    })
}
