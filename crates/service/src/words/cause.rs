//! Sentences for the closed list of causes at the storage boundary.

use tandem_core::error::Cause;

use super::{Words, called};
use crate::fault::StorageWords;

pub(super) fn words(
    storage: &StorageWords,
    cause: Cause,
    path: Option<&str>,
    detail: &str,
) -> Words {
    let name = called(storage);
    // What a test or Tandem itself makes there tells a person nothing.
    let path = path.filter(|path| !path.starts_with(".tandem"));
    let thing = match (path, &storage.bucket) {
        (Some(path), _) => format!("“{path}”"),
        (None, _) if !storage.folder.is_empty() => format!("“{}”", storage.folder),
        (None, Some(bucket)) => format!("“{bucket}”"),
        (None, None) => "it".to_owned(),
    };
    match cause {
        // A missing bucket is told from a missing object by the provider's words alone.
        Cause::NotFound if detail.starts_with("there is no bucket") => {
            nowhere(storage, detail, "bucket")
        }
        Cause::NotFound if detail.starts_with("there is no container") => {
            nowhere(storage, detail, "container")
        }
        Cause::NotFound if detail.starts_with("there is no database") => {
            nowhere(storage, detail, "database")
        }
        Cause::NotFound if path.is_none() && !detail.is_empty() && is_nowhere(storage) => {
            Words::new(
                format!("{} was not found{}.", capital(name), said(detail)),
                "Check what this storage was set up with.",
            )
        }
        Cause::NotFound => not_found(storage, path),
        Cause::AlreadyExists => Words::new(
            format!("Something else is already at {thing} on {name}."),
            "Nothing was replaced; look at both, and move one away.",
        ),
        Cause::PreconditionFailed => Words::new(
            format!("Somebody changed {thing} on {name} at the same moment."),
            "Nothing was replaced; it is looked at again by itself.",
        ),
        Cause::NameRefused => Words::new(
            format!("{} cannot exist on {name}.", capital(&thing)),
            "Rename it; it stays where it is until then.",
        ),
        Cause::TooLarge => Words::new(
            format!("{} is larger than {name} accepts.", capital(&thing)),
            "It stays where it is; leave it out by a pattern, or use another storage for it.",
        ),
        Cause::Quota => full(storage),
        Cause::ReadOnly => Words::new(
            if thing == "it" {
                format!("{} cannot be written to.", capital(name))
            } else {
                format!("{} on {name} cannot be written to.", capital(&thing))
            },
            "Allow writing there, or choose another folder; nothing was changed.",
        ),
        Cause::Forbidden => forbidden(storage, &thing, detail),
        Cause::Unsupported => Words::new(
            format!("{} does not offer this.", capital(name)),
            "Use another way, or another storage.",
        ),
        Cause::RateLimited => Words::new(
            "The server asked to slow down.",
            "Nothing is lost, it only takes longer.",
        ),
        Cause::Offline => Words::new(
            format!("{} does not answer.", host(storage)),
            "Check the address and the network.",
        ),
        Cause::Timeout => Words::new(
            format!("{} does not answer in time.", host(storage)),
            "Check the network; it is tried again by itself.",
        ),
        Cause::Server => Words::new(
            format!("{} answers with errors.", capital(name)),
            "Nothing is lost; it is tried again by itself.",
        ),
        // No server answered.
        Cause::BadResponse if has_no_server(storage) && is_worded(detail) => Words::new(
            format!("{} cannot be read{}.", capital(name), said(detail)),
            "Check what this storage was set up with; nothing was changed.",
        ),
        Cause::BadResponse => Words::new(
            format!("{} gave an answer that makes no sense.", host(storage)),
            "Check the address and the kind of server; nothing was changed.",
        ),
        Cause::HashMismatch => Words::new(
            format!("The content of {thing} changed on its way to or from {name}."),
            "It was not used; it is sent again by itself.",
        ),
        Cause::CursorExpired => Words::new(
            format!(
                "{} no longer knows where Tandem had stopped reading.",
                capital(name)
            ),
            "Everything is looked at again by itself.",
        ),
        Cause::Tls if detail.starts_with("the server does not offer TLS") => Words::new(
            format!("{} does not encrypt connections.", host(storage)),
            "Switch TLS on there, or set sslmode to disable to have everything sent unprotected; nothing was sent.",
        ),
        Cause::Tls => Words::new(
            format!(
                "The certificate of {} cannot be trusted{}.",
                host(storage),
                if detail.is_empty() {
                    String::new()
                } else {
                    format!(": {detail}")
                }
            ),
            "Nothing was sent. Check the address, or let this computer trust who signed the certificate.",
        ),
        Cause::ClockSkew => Words::new(
            format!(
                "The clock of this computer and that of {} differ too much.",
                host(storage)
            ),
            "Set the clock of this computer.",
        ),
        Cause::AuthExpired => Words::new(
            format!("The sign-in to {name} has expired."),
            format!("Sign in to {name} again; changes wait and will be sent afterwards."),
        ),
        Cause::AuthDenied => denied(storage),
        Cause::Locked => Words::new(
            format!("{} is in use on {name}.", capital(&thing)),
            "Close it there; it is tried again by itself.",
        ),
        Cause::Cancelled => Words::new("It was stopped.", "Start it again to go on."),
        Cause::LocalIo => Words::new(
            format!("The disk has a problem with {thing}{}.", said(detail)),
            "Check the disk; nothing was changed.",
        ),
        // Which one it is, or which there are, is known to the provider alone.
        Cause::Other if detail.contains(" region") && is_worded(detail) => Words::new(
            format!("{}{}.", detail[..1].to_uppercase(), &detail[1..]),
            "Correct the region of this storage; nothing was changed.",
        ),
        Cause::Other => Words::new(
            format!("{} could not do this{}.", capital(name), said(detail)),
            "Look at the log for more.",
        ),
    }
}

/// Whether what is stored is a file or a folder of this computer.
const fn has_no_server(storage: &StorageWords) -> bool {
    storage.host.is_none() && storage.bucket.is_none()
}

/// Whether nothing but the server's words says what it is that could be missing.
const fn is_nowhere(storage: &StorageWords) -> bool {
    storage.bucket.is_none() && storage.folder.is_empty()
}

fn not_found(storage: &StorageWords, path: Option<&str>) -> Words {
    match (&storage.bucket, path) {
        (_, Some(path)) => Words::new(
            format!("There is no “{path}” on {}.", called(storage)),
            "Check the name; it may have been moved.",
        ),
        (Some(bucket), None) => nowhere(storage, bucket, "bucket"),
        (None, None) => Words::new(
            format!("There is no folder {}.", storage.folder),
            "Connect the disk or choose the folder; nothing is deleted.",
        ),
    }
}

/// What holds everything of the storage is not there: a `word` whose name stands last in `detail`.
fn nowhere(storage: &StorageWords, detail: &str, word: &str) -> Words {
    let name = detail.rsplit(' ').next().unwrap_or_default();
    match &storage.region {
        Some(region) => Words::new(
            format!("There is no {word} “{name}” in {region}."),
            "Check the name, or choose another region.",
        ),
        None => Words::new(
            format!("There is no {word} “{name}”."),
            format!("Check the name; Tandem makes no {word}."),
        ),
    }
}

fn full(storage: &StorageWords) -> Words {
    if storage.name.is_empty() {
        let disk = if storage.folder.is_empty() {
            "this computer's disk".to_owned()
        } else {
            format!("the disk of {}", storage.folder)
        };
        return Words::new(
            format!("There is no room left on {disk}."),
            "Free some, or carry fewer folders. No file was cut short.",
        );
    }
    Words::new(
        format!("{} is full.", capital(&storage.name)),
        "Free some room there; files wait to be sent, receiving goes on.",
    )
}

fn host(storage: &StorageWords) -> String {
    storage
        .host
        .clone()
        .unwrap_or_else(|| capital(called(storage)))
}

/// A right that lacks. Where the provider knows which, it is said.
fn forbidden(storage: &StorageWords, thing: &str, detail: &str) -> Words {
    let why = if is_worded(detail) {
        said(detail)
    } else {
        String::new()
    };
    let name = capital(called(storage));
    Words::new(
        if thing == "it" {
            format!("{name} does not allow this{why}.")
        } else {
            format!("{name} does not allow access to {thing}{why}.")
        },
        "Give this account or user the right to it; nothing was changed.",
    )
}

/// Whether a detail is a sentence of the provider's rather than a code and what a server says.
fn is_worded(detail: &str) -> bool {
    detail.starts_with(|first: char| first.is_ascii_lowercase())
}

/// Stands between what to check and where to give it anew.
const GIVEN_ANEW: &str = ", and give it anew by ";

/// A sign-in that the server does not accept, by what a person gave for it.
fn denied(storage: &StorageWords) -> Words {
    let gave = |key: &str| storage.secrets.iter().any(|given| given == key);
    let (what, check) = match &storage.secrets[..] {
        [] => {
            return Words::new(
                "The server wants a sign-in, and none was given.",
                "Give the user and the password, or the key, that it wants.",
            );
        }
        _ if gave("password") => ("this user name and password".to_owned(), "both"),
        _ if gave("application_credential_secret") => (
            "this application credential".to_owned(),
            "its ID and its secret",
        ),
        [one] => (
            format!("this {}", one.replace('_', " ").replace("sas", "SAS")),
            "that it is the right one, and whole",
        ),
        _ => ("this key".to_owned(), "both parts of it"),
    };
    let anew = if storage.name.is_empty() {
        String::new()
    } else {
        format!(
            "{GIVEN_ANEW}“tandem storage edit {} --secret KEY”",
            storage.name
        )
    };
    Words::new(
        format!("The server does not accept {what}."),
        format!("Check {check}{anew}."),
    )
}

/// What to check of a sign-in, from the next step that is usual, without a word about where to give it anew.
pub(super) fn to_check(usual: &str) -> &str {
    let usual = usual
        .split_once(GIVEN_ANEW)
        .map_or(usual, |(check, _)| check);
    usual.trim_end_matches('.')
}

fn said(detail: &str) -> String {
    if detail.is_empty() {
        String::new()
    } else {
        format!(": {}", detail.trim_end_matches('.'))
    }
}

fn capital(text: &str) -> String {
    // A storage's name is written as the person wrote it; only Tandem's own words get a capital.
    match text {
        "this computer" => "This computer".to_owned(),
        "it" => "It".to_owned(),
        other => other.to_owned(),
    }
}
