//! What to do, for a person who has the window and perhaps no terminal: the window has buttons where a sentence names a
//! command.

use super::cause::to_check;

/// The next step for the window. `usual` is what is said in a terminal of `cause`, and stays where it names no command.
#[must_use]
pub fn in_window(cause: &str, usual: &str) -> String {
    if !names_a_command(usual) {
        return usual.to_owned();
    }
    match cause {
        "auth_denied" => {
            let check = to_check(usual);
            return format!("{check}, and give it anew by Edit on the page Storages.");
        }
        "unknown_storage" => "It may have been renamed or removed: the page Storages shows those there are.",
        "unknown_pair" => "It may have been renamed or removed: the overview shows those there are.",
        "missing_field" => "Fill that field in.",
        "bad_storage" => "Correct it by Edit on the page Storages.",
        "bad_location" => "Choose a folder instead.",
        "not_found" => "It may have been decided meanwhile: what is there is shown anew.",
        "already_exists" => "Choose another name.",
        "storage_disabled" => "Enable it on the page Storages.",
        "untested" => {
            "It was not tested as it is now, so only what every server does is relied on; Test on the page Storages finds \
             out more."
        }
        "profile_io" => "Give your user write access to it. Tandem looks again by itself.",
        "damaged_state" => "Your files are not affected. Both sides can be compared again, and nothing is deleted.",
        "keyring_missing" => {
            "Install one, such as GNOME Keyring, and unlock it. What waits for it then goes on by itself."
        }
        "secrets_missing" | "damaged_secrets" => {
            "Bring that back, or give them again by Edit on the page Storages."
        }
        "no_passphrase" | "wrong_passphrase" => {
            "Type it on the page Overview, or give the keys again by Edit on the page Storages."
        }
        "internal" => {
            "It begins again by itself; Save bundle on the page Settings writes down what to report."
        }
        "mass_delete" | "first_mirror_deletes" => {
            "Look at the list, then delete them or bring them back."
        }
        "everything_changed" => "Look at the list before Tandem carries it.",
        "root_replaced" => {
            "Let Tandem carry it if this is the pair's folder from now on; nothing is deleted until then."
        }
        "root_empty" => "Connect the disk or choose the folder, or let Tandem take it as it is.",
        "versions_full" => {
            "Wait until older ones may go, raise the limit, or let Tandem go beyond it this once."
        }
        "back_in_time" | "conflict_copies" => "Look at the list, then decide.",
        "which_pair" => "Open it from the pair that it belongs to.",
        _ => "Put that right, and try again; Check now on the page Settings looks whether all is well here.",
    }
    .to_owned()
}

/// Whether a sentence speaks to somebody in a terminal.
pub(crate) fn names_a_command(text: &str) -> bool {
    [
        "“tandem",
        " --",
        "(--",
        "STORAGE:",
        "in a terminal",
        "TANDEM_",
    ]
    .iter()
    .any(|sign| text.contains(sign))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tandem_core::error::{Cause, StorageError};
    use tandem_core::side::PerSide;

    use super::*;
    use crate::credentials::SecretError;
    use crate::fault::{Fault, StorageWords};

    fn faults() -> Vec<Fault> {
        let text = || "x".to_owned();
        let attic = StorageWords {
            name: "attic".to_owned(),
            ..StorageWords::default()
        };
        let causes = Cause::ALL.iter().map(|cause| {
            let error = StorageError::new("read", *cause, "said");
            Fault::Storage(Box::new(attic.clone()), Box::new(error))
        });
        let secrets = [
            SecretError::Locked,
            SecretError::NotThere(text()),
            SecretError::Missing,
            SecretError::NoPassphrase,
            SecretError::WrongPassphrase,
            SecretError::Damaged(text()),
            SecretError::Io(text()),
        ];
        let own = [
            Fault::UnknownStorage(text()),
            Fault::UnknownPair(text()),
            Fault::NameTaken("pair", text()),
            Fault::BadName(text()),
            Fault::MissingField(text(), text(), false),
            Fault::MissingField(text(), text(), true),
            Fault::BadValue(text(), text(), text()),
            Fault::BadStorage {
                name: text(),
                why: text(),
                saved: true,
            },
            Fault::BadLocation(text(), text()),
            Fault::StorageDisabled(text()),
            Fault::StorageInUse(text(), vec![text()]),
            Fault::NoFolder(text()),
            Fault::NothingThere(text()),
            Fault::IsFile(text()),
            Fault::AlreadyThere(text()),
            Fault::FileThere(text()),
            Fault::FileIo(text(), text()),
            Fault::InsidePair(text(), text()),
            Fault::AroundPair(text(), text()),
            Fault::SameEnds(text()),
            Fault::Loop(text()),
            Fault::Owned(Some(7)),
            Fault::OwnerSilent(None),
            Fault::OtherVersion(text(), None),
            Fault::OwnerGone,
            Fault::NewerProfile(9),
            Fault::DamagedProfile(text(), text()),
            Fault::ProfileIo(text(), text()),
            Fault::NewerState(text(), 9),
            Fault::DamagedState(text(), text()),
            Fault::StateIo(text(), text()),
            Fault::NotFound("hold", text()),
            Fault::NotFound("conflict", text()),
            Fault::NotFound("action", text()),
            Fault::WhichPair(text(), vec![]),
            Fault::PairBusy(text()),
            Fault::Broken(text()),
            Fault::EngineBroken,
            Fault::Refused(text()),
            Fault::Protocol(text()),
        ];
        causes
            .chain(secrets.into_iter().map(Fault::Secret))
            .chain(own)
            .collect()
    }

    #[test]
    fn each_next_step_of_the_window_is_one_that_the_window_offers() {
        for fault in faults() {
            let mut failure = fault.failure();
            failure.for_window();
            let step = &failure.next_step;
            assert!(step.ends_with('.'), "{}: {step}", failure.cause);
            assert!(!names_a_command(step), "{}: {step}", failure.cause);
        }
    }

    #[test]
    fn each_guard_has_one_too() {
        let ends = PerSide::new(StorageWords::default(), StorageWords::default());
        for name in [
            "mass_delete",
            "first_mirror_deletes",
            "everything_changed",
            "back_in_time",
            "root_missing",
            "root_replaced",
            "root_empty",
            "conflict_copies",
            "free_space",
            "versions_full",
        ] {
            let usual = crate::words::guard(name, &BTreeMap::new(), 1, &ends).next_step;
            let step = in_window(name, &usual);
            assert!(
                step.ends_with('.') && !names_a_command(&step),
                "{name}: {step}"
            );
            assert!(!step.contains("Settings"), "{name} has its own: {step}");
        }
    }

    /// The window shows what [`Fault::failure`] makes for both, and exchanges nothing but a command for its button.
    #[test]
    fn what_is_the_matter_is_said_in_the_same_words() {
        for fault in faults() {
            let usual = fault.failure();
            let mut shown = fault.failure();
            shown.for_window();
            assert_eq!(shown.message, usual.message);
            assert_eq!((&shown.kind, &shown.cause), (&usual.kind, &usual.cause));
            if !names_a_command(&usual.next_step) {
                assert_eq!(shown.next_step, usual.next_step);
            }
        }
    }

    #[test]
    fn what_to_check_of_a_sign_in_is_said_in_both() {
        for (secrets, check) in [
            (
                vec!["access_key_id", "secret_access_key"],
                "Check both parts of it, and",
            ),
            (vec!["password"], "Check both, and"),
            (
                vec!["account_key"],
                "Check that it is the right one, and whole, and",
            ),
        ] {
            let attic = StorageWords {
                name: "attic".to_owned(),
                secrets: secrets.into_iter().map(str::to_owned).collect(),
                ..StorageWords::default()
            };
            let error = StorageError::new("list", Cause::AuthDenied, "");
            let mut failure = Fault::Storage(Box::new(attic), Box::new(error)).failure();
            assert!(
                failure.next_step.starts_with(check),
                "{}",
                failure.next_step
            );
            failure.for_window();
            assert!(
                failure.next_step.starts_with(check),
                "{}",
                failure.next_step
            );
        }
    }

    #[test]
    fn what_names_no_command_is_said_in_both() {
        let mut failure = Fault::Secret(SecretError::Locked).failure();
        let usual = failure.next_step.clone();
        failure.for_window();
        assert_eq!(failure.next_step, usual);
    }
}
