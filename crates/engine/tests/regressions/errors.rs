//! Errors are no absence, and a part is no file.

use bytes::Bytes;
use tandem_core::error::Cause;
use tandem_core::side::Side;
use tandem_engine::error::EngineError;
use tandem_engine::report::ActionKind;
use tandem_testkit::sim::{Edit, Fault, Faults};

use crate::common::{Destination, SEEDS, Source, World, path};

#[track_caller]
fn nothing_was_deleted(world: &World) {
    let log = world.log();
    let deletes = log.iter().filter(|l| l.action.kind == ActionKind::Delete);
    assert_eq!(deletes.count(), 0, "{log:?}");
}

/// nextcloud/desktop#3430: files were deleted once errors had been fixed.
#[test]
fn what_could_not_be_read_for_a_while_is_there_when_errors_are_fixed() {
    for seed in SEEDS {
        for side in Side::BOTH {
            let world = World::new(seed);
            world.folder(Source, "d");
            world.write(Source, "d/a", "content");
            world.write(Source, "b", "the rest");
            world.sync();
            assert!(world.sides[side].make_unreadable(&path("d")));
            assert!(world.sides[side].lose_access(&path("b")));
            world.sync();
            world.sync();
            world.sides[side].heal();
            world.sync();
            world.both_have("d/a", Some("content"));
            world.both_have("b", Some("the rest"));
            nothing_was_deleted(&world);
            world.still();
        }
    }
}

/// abraunegg/onedrive#3015: a download failed with 401, and the file was deleted online.
#[test]
fn a_download_that_failed_deletes_nothing() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.write(Source, "b", "the rest");
        world.sync();
        world.write(Destination, "a", "content");
        let storage = world.sides[Destination].clone();
        world.sides[Destination].on_operation(Box::new(move |operation, _| {
            if operation == "read" {
                storage.expire_sign_in();
            }
        }));
        for _ in 0..3 {
            // An error or not: nothing was asked to be deleted.
            let _ = world.run(world.engine.sync());
        }
        world.has(Destination, "a", Some("content"));
        world.sides[Destination].clear_hook();
        world.sides[Destination].heal();
        world.sync();
        world.both_have("a", Some("content"));
        nothing_was_deleted(&world);
    }
}

/// abraunegg/onedrive#3393: a file was gone for an instant while it was uploaded, and was deleted online.
#[test]
fn a_file_that_is_gone_for_an_instant_while_it_is_sent_is_not_deleted() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.write(Source, "a", "first");
        world.write(Source, "b", "the rest");
        world.sync();
        world.write(Source, "a", "second");
        let away = |from: &str, to: &str| Edit::Move {
            from: path(from),
            to: path(to),
        };
        let (storage, mut reads) = (world.sides[Source].clone(), 0);
        world.sides[Source].on_operation(Box::new(move |operation, at| {
            if operation == "read" && at.as_str() == "a" {
                reads += 1;
                if reads == 1 {
                    assert!(storage.edit(&away("a", "a~")));
                }
            } else if reads == 1 && storage.edit(&away("a~", "a")) {
                reads = 2;
            }
        }));
        world.sync();
        world.sides[Source].clear_hook();
        world.sides[Source].edit(&away("a~", "a"));
        world.sync();
        world.both_have("a", Some("second"));
        world.both_have("b", Some("the rest"));
        world.still();
    }
}

/// samschott/maestral#944: files of zero bytes came down.
#[test]
fn a_read_that_ends_early_leaves_no_short_file() {
    for seed in SEEDS {
        let world = World::new(seed);
        let content = "ten bytes.".repeat(20_000);
        world.write(Destination, "a", &content);
        world.write(Destination, "b", &content);
        world.sides[Destination].set_faults(Faults::of(&[(Fault::ShortRead, 1000)]));
        world.sync();
        world.sync();
        for at in ["a", "b"] {
            let there = world.text(Source, at);
            assert!(there.is_none_or(|text| text == content), "{at} is short");
        }
        world.sides[Destination].set_faults(Faults::none());
        world.sides[Destination].heal();
        world.sync();
        world.both_have("a", Some(&content));
        world.both_have("b", Some(&content));
    }
}

/// samschott/maestral#957, samschott/maestral#713, hwittenborn/celeste#192: an expired sign-in needed the account to be set up anew.
#[test]
fn an_expired_sign_in_keeps_everything_and_goes_on_once_it_is_good() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        world.write(Source, "a", "first");
        world.sync();
        world.sides[Destination].expire_sign_in();
        world.write(Source, "a", "second");
        for _ in 0..2 {
            let stopped = world.run(world.engine.sync());
            let Err(EngineError::Storage { side, error }) = stopped else {
                panic!("{stopped:?}");
            };
            assert_eq!((side, error.cause), (Destination, Cause::AuthExpired));
            world.restart(|_| {});
        }
        world.sides[Destination].heal();
        let summary = world.sync();
        assert_eq!((summary.done, summary.adopted), (1, 0));
        world.both_have("a", Some("second"));
        world.still();
    }
}

/// abraunegg/onedrive#791: a half downloaded file was uploaded when the program was started again.
#[test]
fn what_was_half_carried_when_the_program_ended_is_no_file() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let content = "ten bytes.".repeat(20_000);
        world.write(Destination, "a", &content);
        let storage = world.sides[Destination].clone();
        world.sides[Destination].on_operation(Box::new(move |operation, _| {
            if operation == "read" {
                storage.set_missing(true);
            }
        }));
        assert!(world.run(world.engine.sync()).is_err());
        world.stop();
        for side in Side::BOTH {
            world.sides[side].clear_hook();
            world.sides[side].crash(false);
            world.sides[side].set_missing(false);
        }
        world.try_restart().unwrap();
        world.sync();
        assert_eq!(world.paths(Source), ["a"]);
        assert_eq!(world.paths(Destination), ["a"]);
        world.both_have("a", Some(&content));
    }
}

/// hwittenborn/celeste#37: a file that is edited while it is carried loops in error.
#[test]
fn a_file_that_is_edited_while_it_is_carried_is_carried_again() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.write(Source, "a", "first");
        let edit = Edit::Write {
            path: path("a"),
            content: Bytes::from_static(b"second"),
        };
        world.edit_during(Source, "read", Source, vec![edit]);
        world.sync();
        world.sync();
        world.both_have("a", Some("second"));
        assert_eq!(world.engine.problems().unwrap().len(), 0);
        world.still();
    }
}
