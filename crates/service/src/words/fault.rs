//! Sentences for what is wrong with a request, a profile or a state.

use tandem_core::error::Cause;

use super::Words;
use super::cause::to_check;
use crate::credentials::SecretError;
use crate::fault::Fault;

pub(super) fn words(fault: &Fault) -> Words {
    match fault {
        Fault::Storage(storage, error) => Words::of_storage_error(storage, error),
        Fault::TestStopped(step, inner) => {
            let mut said = words(inner);
            if matches!(&**inner, Fault::Storage(_, error) if error.cause == Cause::AuthDenied) {
                // There is no storage yet whose key could be given anew.
                said.next_step = format!("{}.", to_check(&said.next_step));
            }
            Words::new(
                said.message,
                format!(
                    "{} The test stopped at “{step}”. Nothing was saved.",
                    said.next_step
                ),
            )
        }
        Fault::Secret(error) => secret(error),
        Fault::Usage(message, next_step) => Words::new(message, next_step),
        _ => usage(fault)
            .or_else(|| place(fault))
            .unwrap_or_else(|| own(fault)),
    }
}

/// Names and values that a person gave.
fn usage(fault: &Fault) -> Option<Words> {
    Some(match fault {
        Fault::UnknownStorage(name) => Words::new(
            format!("There is no storage “{name}”."),
            "“tandem storage list” shows those there are.",
        ),
        Fault::UnknownPair(name) => Words::new(
            format!("There is no pair “{name}”."),
            "“tandem pair list” shows those there are.",
        ),
        Fault::UnknownType(name, known) => Words::new(
            format!("There is no storage type “{name}”."),
            format!("Choose one of {}.", known.join(", ")),
        ),
        Fault::NameTaken(what, name) => Words::new(
            format!("There is already a {what} “{name}”."),
            "Choose another name.",
        ),
        Fault::BadName(name) => Words::new(
            format!("“{name}” cannot be a name."),
            "Use two or more of a to z, 0 to 9 and “-”, not beginning with “-”; “local” is taken.",
        ),
        Fault::UnknownField(kind, key, known) => Words::new(
            format!("A storage of type {kind} has no setting “{key}” of this kind."),
            takes(known),
        ),
        Fault::UnknownSecret(kind, known) => Words::new(
            format!("A storage of type {kind} has no secret of the name given."),
            takes(known),
        ),
        Fault::SecretGiven => Words::new(
            "What stands after --secret is no key.",
            "Give --secret KEY alone: the secret is asked for, or read from the standard input, a line each.",
        ),
        Fault::MissingField(kind, key, secret) => Words::new(
            format!("A storage of type {kind} needs “{key}”."),
            if *secret {
                format!("Add --secret {key}.")
            } else {
                format!("Add --set {key}=VALUE.")
            },
        ),
        Fault::BadValue(key, value, why) => Words::new(
            format!("“{value}” cannot be the {key}: {why}."),
            "Give another value.",
        ),
        Fault::BadStorage { name, why, saved } => Words::new(
            format!(
                "The storage {name} cannot work: {}.",
                why.trim_end_matches('.')
            ),
            if *saved {
                format!("Correct it with “tandem storage edit {name} --set KEY=VALUE”.")
            } else {
                "Give another value; nothing was saved.".to_owned()
            },
        ),
        Fault::NotFound(what, id) => Words::new(
            format!("There is no {what} “{id}”."),
            match *what {
                "hold" => "“tandem held” shows those there are.",
                "conflict" => "“tandem conflicts” shows those there are.",
                "version" => "“tandem versions PATH” shows those there are.",
                "action" | "run" => "“tandem log” shows those there are.",
                _ => "Check how it is written.",
            },
        ),
        Fault::WhichPair(path, pairs) if pairs.is_empty() => Words::new(
            format!("“{path}” as it is written lies in no pair's folder."),
            "Name the pair with --pair, and the path within it.",
        ),
        Fault::WhichPair(path, pairs) => Words::new(
            format!("“{path}” belongs to several pairs: {}.", pairs.join(", ")),
            "Name one with --pair.",
        ),
        Fault::PairBusy(pair) => Words::new(
            format!("The pair {pair} is being worked on."),
            "Wait until that is done, and try again; nothing was changed.",
        ),
        Fault::Broken(pair) => Words::new(
            format!("The work on {pair} broke off by a mistake in Tandem."),
            "It begins again by itself; “tandem doctor --bundle FILE” writes down what to report.",
        ),
        Fault::EngineBroken => Words::new(
            "Syncing broke off by a mistake in Tandem.".to_owned(),
            "It begins again by itself; “tandem doctor --bundle FILE” writes down what to report.",
        ),
        Fault::Refused(why) => Words::new(
            sentence(why),
            "Put that right, and try again; “tandem doctor” looks whether all is well here.",
        ),
        _ => return None,
    })
}

fn takes(known: &[&str]) -> String {
    if known.is_empty() {
        return "It takes none.".to_owned();
    }
    format!("It takes {}.", known.join(", "))
}

/// Places that cannot be used.
fn place(fault: &Fault) -> Option<Words> {
    Some(match fault {
        Fault::BadLocation(text, why) => Words::new(
            format!("“{text}” is no place: {why}."),
            "Give a path, or STORAGE:PATH.",
        ),
        Fault::StorageDisabled(name) => Words::new(
            format!("The storage {name} is disabled."),
            format!("“tandem storage enable {name}” switches it on."),
        ),
        Fault::StorageInUse(name, pairs) => Words::new(
            format!("The storage {name} belongs to {}.", pairs.join(", ")),
            "Remove the pair or move its end first; nothing was removed.",
        ),
        Fault::NoFolder(path) => Words::new(
            format!("There is no folder {path}."),
            "Make it, or choose another one.",
        ),
        Fault::NothingThere(path) => Words::new(
            format!("There is nothing at {path}."),
            "Check how it is written.",
        ),
        Fault::IsFile(path) => Words::new(format!("{path} is a file."), "Choose a folder."),
        Fault::AlreadyThere(path) => Words::new(
            format!("{path} is already there."),
            "Add --force to replace it, or choose another name.",
        ),
        Fault::FileIo(path, why) => Words::new(
            format!("{path} cannot be written: {}.", why.trim_end_matches('.')),
            "Choose another place, or make room there.",
        ),
        Fault::FileThere(path) => Words::new(
            format!("{path} is already there."),
            "Choose another name, or remove it first.",
        ),
        Fault::IntoItself(from, to) if from.trim_end_matches('/') == to.trim_end_matches('/') => {
            Words::new(
                format!("{from} would be copied onto itself."),
                "Choose another name.",
            )
        }
        Fault::IntoItself(from, to) => Words::new(
            format!("{from} would be copied into itself: {to} lies in it."),
            "Choose a folder outside it.",
        ),
        Fault::InsidePair(path, pair) => Words::new(
            format!("{path} lies inside the pair {pair}."),
            "Choose a folder outside it.",
        ),
        Fault::AroundPair(path, pair) => Words::new(
            format!("The pair {pair} lies inside {path}."),
            "Choose a folder that does not hold it.",
        ),
        Fault::SameEnds(path) => Words::new(
            format!("Both ends lie in {path}."),
            "Choose two folders of which neither holds the other.",
        ),
        Fault::Loop(pair) => Words::new(
            format!("With the pair {pair} this would be a loop."),
            "Choose another end.",
        ),
        _ => return None,
    })
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

/// Tandem's own files and processes.
fn own(fault: &Fault) -> Words {
    match fault {
        Fault::Owned(pid) => Words::new(
            format!("Another Tandem uses this profile{}.", process(*pid)),
            "Wait until it is done, or stop it.",
        ),
        Fault::OwnerSilent(pid) => Words::new(
            format!(
                "The Tandem that uses this profile does not answer{}.",
                process(*pid)
            ),
            "It may be suspended: let it go on, or stop it.",
        ),
        Fault::OtherVersion(program, pid) => Words::new(
            format!(
                "Another version uses this profile: {program}{}.",
                process(*pid)
            ),
            "Stop it and start it again with this version, or use that one.",
        ),
        Fault::OwnerGone => Words::new(
            "The Tandem that uses this profile ended before it answered.",
            "Nothing was lost; try again.",
        ),
        Fault::NewerProfile(version) => Words::new(
            format!("This profile was written by a newer Tandem (format {version})."),
            "Install that version or newer; nothing was changed.",
        ),
        Fault::DamagedProfile(file, why) => Words::new(
            format!(
                "{file} cannot be understood: {}.",
                why.trim_end_matches('.')
            ),
            "Correct it, or move it away; nothing was changed.",
        ),
        Fault::ProfileIo(folder, why) => Words::new(
            format!(
                "The profile folder {folder} cannot be used: {}.",
                why.trim_end_matches('.')
            ),
            format!(
                "Give {} write access to it, or choose another with --profile.",
                user()
            ),
        ),
        Fault::NewerState(pair, version) => Words::new(
            format!("The state of {pair} was written by a newer Tandem (format {version})."),
            "Install that version or newer; nothing was changed.",
        ),
        Fault::DamagedState(pair, _) => Words::new(
            format!("Tandem's notes about the files of {pair} are damaged."),
            format!(
                "Your files are not affected. Move pairs/ID.db out of the profile (“tandem pair show {pair}” says the \
                 ID); then both sides are compared again, and nothing is deleted."
            ),
        ),
        Fault::StateIo(pair, why) => Words::new(
            format!("Tandem's notes about the files of {pair} cannot be written: {why}."),
            "Check the disk that holds the profile; no file was cut short.",
        ),
        Fault::Protocol(why) => Words::new(
            format!("The Tandem that uses this profile gave an answer that makes no sense: {why}."),
            "Stop it and start it again with this version.",
        ),
        _ => Words::default(),
    }
}

fn secret(error: &SecretError) -> Words {
    match error {
        SecretError::Locked => Words::new(
            "Tandem cannot read the saved passwords.",
            "Unlock the keyring, then syncing starts by itself.",
        ),
        SecretError::NotThere(_) => Words::new(
            "There is no keyring on this computer.",
            "Install one, or use the encrypted file with a passphrase (--secret-store file).",
        ),
        SecretError::Missing => Words::new(
            "The saved passwords of this storage are not in the keyring or file they were put in.",
            "Bring that back, or give them again with “tandem storage edit NAME --secret KEY”.",
        ),
        SecretError::NoPassphrase => Words::new(
            "The saved passwords are locked with a passphrase.",
            "Give it in TANDEM_PASSPHRASE, or run Tandem in a terminal to be asked for it.",
        ),
        SecretError::Unconfirmed => Words::new(
            "The two passphrases differ.",
            "Nothing was saved; try again.",
        ),
        SecretError::WrongPassphrase => Words::new(
            "This is not the passphrase of the saved passwords.",
            "Check TANDEM_PASSPHRASE, or type it again; nothing was changed.",
        ),
        SecretError::Damaged(why) => Words::new(
            format!(
                "The saved passwords are damaged: {}.",
                why.trim_end_matches('.')
            ),
            "Give them again with “tandem storage edit NAME --secret KEY”.",
        ),
        SecretError::Io(why) => Words::new(
            format!("The file of saved passwords cannot be used: {why}."),
            format!("Give {} access to secrets.age in the profile.", user()),
        ),
    }
}

fn user() -> String {
    std::env::var("USER")
        .ok()
        .filter(|u| !u.is_empty())
        .unwrap_or_else(|| "your user".to_owned())
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return "It cannot be done as things are.".to_owned();
    };
    let text: String = first.to_uppercase().chain(chars).collect();
    if text.ends_with('.') {
        text
    } else {
        format!("{text}.")
    }
}
