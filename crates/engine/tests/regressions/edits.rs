//! Which edit is the later one, and what is a conflict.

use bytes::Bytes;
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::time::Timestamp;
use tandem_engine::report::ActionKind;
use tandem_testkit::sim::Edit;

use crate::common::{Destination, SEEDS, Source, World, capabilities, path};

const DAY: i64 = 24 * 3600 * 1_000_000_000;

fn touch(world: &World, at: &str, days: i64) -> Edit {
    let now = world.environment.shared().now();
    Edit::Touch {
        path: path(at),
        mtime: Timestamp(now.0 + days * DAY),
    }
}

/// syncthing/syncthing#6252: an old file that was touched overwrote a newer one, without a conflict copy.
#[test]
fn an_old_file_that_was_touched_does_not_replace_a_newer_one() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.write(Source, "a", "old content");
        world.sync();
        world.write(Source, "a", "new content");
        let touched = touch(&world, "a", 1);
        world.edit(Destination, &touched);
        world.sync();
        world.both_have("a", Some("new content"));
        world.still();
    }
}

/// syncthing/syncthing#220: "the newest wins" lost the other edit without a word.
#[test]
fn of_two_edits_both_are_kept_whichever_is_newer() {
    for seed in SEEDS {
        for days in [-1, 1] {
            let world = World::new(seed);
            world.write(Source, "a.txt", "first");
            world.sync();
            world.write(Source, "a.txt", "the source's");
            world.write(Destination, "a.txt", "the destination's");
            let touched = touch(&world, "a.txt", days);
            world.edit(Source, &touched);
            assert_eq!(world.sync().conflicts, 1);
            world.sync();
            for side in [Source, Destination] {
                let paths = world.paths(side);
                let mut texts: Vec<_> = paths.iter().map(|p| world.text(side, p)).collect();
                texts.sort();
                let both = ["the destination's", "the source's"].map(|t| Some(t.to_owned()));
                assert_eq!(texts, both, "{paths:?}");
            }
            world.still();
        }
    }
}

/// nextcloud/desktop#2467, nextcloud/desktop#943, nextcloud/desktop#4053: conflicts of files with the same content,
/// of which only the time was another.
#[test]
fn equal_content_of_another_time_is_no_conflict() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.write(Source, "a", "the same");
        world.write(Destination, "a", "the same");
        let touched = touch(&world, "a", -300);
        world.edit(Source, &touched);
        let summary = world.sync();
        assert_eq!((summary.conflicts, summary.bytes.source), (0, 0));
        world.write(Source, "a", "the next");
        world.write(Destination, "a", "the next");
        let touched = touch(&world, "a", 3);
        world.edit(Destination, &touched);
        assert_eq!(world.sync().conflicts, 0);
        assert_eq!(world.paths(Source), ["a"]);
        assert_eq!(world.paths(Destination), ["a"]);
        world.still();
    }
}

/// abraunegg/onedrive#3868: a copy with an older time (`cp -p`) was taken for "newer online", and overwritten.
#[test]
fn an_edit_with_an_older_time_is_an_edit() {
    for seed in SEEDS {
        for (edited, other) in [(Source, Destination), (Destination, Source)] {
            let world = World::new(seed);
            world.write(Source, "a", "what was there");
            world.sync();
            world.write(edited, "a", "copied over it with its time");
            let touched = touch(&world, "a", -1000);
            world.edit(edited, &touched);
            assert_eq!(world.sync().conflicts, 0);
            world.has(other, "a", Some("copied over it with its time"));
            world.both_have("a", Some("copied over it with its time"));
            world.still();
        }
    }
}

/// abraunegg/onedrive#441, abraunegg/onedrive#2654: a server alters files on arrival, and they went up and down for
/// ever.
#[test]
fn a_server_that_alters_what_it_gets_is_in_step() {
    for seed in SEEDS {
        let of = |side| Capabilities {
            mutates_content: side == Destination,
            ..capabilities([Ids::Strong, Ids::None][seed as usize % 2])
        };
        let world = World::of(seed, |_| {}, of);
        world.write(Source, "report.docx", "what I wrote");
        world.sync();
        for _ in 0..3 {
            world.still();
        }
        world.has(Source, "report.docx", Some("what I wrote"));
        world.write(Source, "report.docx", "what I wrote next");
        world.sync();
        world.still();
        world.has(Source, "report.docx", Some("what I wrote next"));
        assert_eq!(world.paths(Source), ["report.docx"]);
        assert_eq!(world.paths(Destination), ["report.docx"]);
    }
}

/// samschott/maestral#407, samschott/maestral#319: programs that save by renaming left `a (1)(1)(1)` behind.
#[test]
fn saving_by_rename_again_and_again_is_one_file() {
    for seed in SEEDS {
        for side in [Source, Destination] {
            let world = World::new(seed);
            world.write(Source, "a", "first");
            world.sync();
            for n in 0..5 {
                let content = Bytes::from(format!("saved {n}"));
                let path = path("a");
                world.edit(side, &Edit::SaveByRename { path, content });
                let summary = world.sync();
                assert_eq!((summary.done, summary.conflicts), (1, 0));
            }
            world.both_have("a", Some("saved 4"));
            assert_eq!(world.paths(Source), ["a"]);
            assert_eq!(world.paths(Destination), ["a"]);
            let log = world.log();
            let deletes = log.iter().filter(|l| l.action.kind == ActionKind::Delete);
            assert_eq!(deletes.count(), 0);
        }
    }
}
