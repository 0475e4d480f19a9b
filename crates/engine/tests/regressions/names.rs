//! Names that one side writes otherwise, or not at all.

use std::collections::BTreeSet;

use tandem_core::capabilities::{Capabilities, CaseRule, Ids, NameRules, UnicodeRule};
use tandem_core::side::Side;
use tandem_testkit::sim::Edit;

use crate::common::{Destination, SEEDS, Source, World, capabilities, path};

/// A world whose destination has rules for names.
fn to(seed: u64, rules: impl Fn(&mut Capabilities)) -> World {
    let ids = [Ids::Strong, Ids::None, Ids::Hint][seed as usize % 3];
    World::of(
        seed,
        |_| {},
        |side| {
            let mut capabilities = capabilities(ids);
            if side == Destination {
                rules(&mut capabilities);
            }
            capabilities
        },
    )
}

/// What all files of a side say.
fn texts(world: &World, side: Side) -> BTreeSet<String> {
    let paths = world.paths(side);
    paths.iter().filter_map(|p| world.text(side, p)).collect()
}

/// syncthing/syncthing#439, syncthing/syncthing#1787: names that differ in case alone, and one of the files was
/// deleted.
#[test]
fn of_names_that_differ_in_case_alone_none_is_lost() {
    for seed in SEEDS {
        let world = to(seed, |c| c.case = CaseRule::Insensitive);
        world.write(Source, "Readme", "the one");
        world.write(Source, "README", "the other");
        assert_eq!(world.sync().problems, 1, "it is shown");
        world.sync();
        world.has(Source, "Readme", Some("the one"));
        world.has(Source, "README", Some("the other"));
        assert_eq!(world.paths(Destination).len(), 1);
        world.delete(Source, "README");
        world.sync();
        world.sync();
        world.has(Source, "Readme", Some("the one"));
        assert_eq!(
            texts(&world, Destination),
            BTreeSet::from(["the one".to_owned()])
        );
        assert_eq!(world.sync().problems, 0);
        world.still();
    }
}

/// samschott/maestral#936: the same file was deleted and added again every 20 minutes, for its name's Unicode form.
/// rclone/rclone#7270: a critical error.
#[test]
fn a_name_in_another_unicode_form_is_the_same_file() {
    let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}");
    for seed in SEEDS {
        let world = to(seed, |c| c.unicode = UnicodeRule::Folding);
        world.write(Source, composed, "first");
        world.sync();
        world.still();
        // The other side's program writes the name its own way.
        let respelled = Edit::Move {
            from: path(composed),
            to: path(decomposed),
        };
        world.edit(Destination, &respelled);
        for _ in 0..4 {
            world.sync();
        }
        world.still();
        for side in Side::BOTH {
            assert_eq!(world.paths(side).len(), 1, "{:?}", world.paths(side));
            assert_eq!(texts(&world, side), BTreeSet::from(["first".to_owned()]));
        }
        let log = world.log();
        assert!(log.len() < 5, "it goes to and fro: {log:?}");
    }
}

/// nextcloud/desktop#464, nextcloud/desktop#707, nextcloud/desktop#5095: names that the other side refuses were
/// skipped without a word; asked for is a change that can be taken back.
#[test]
fn a_name_that_the_other_side_refuses_goes_there_and_back() {
    let rules = NameRules {
        forbidden: ":*?\"<>|".to_owned(),
        no_trailing_period: true,
        no_windows_devices: true,
        ..NameRules::default()
    };
    for seed in SEEDS {
        let world = to(seed, |c| c.names = rules.clone());
        world.write(Source, "what: a *name*?", "first");
        world.folder(Source, "etc.");
        world.write(Source, "etc./a", "in a folder");
        world.sync();
        world.still();
        let paths = world.paths(Destination);
        assert_eq!(paths.len(), 3, "{paths:?}");
        assert!(!paths.iter().any(|p| p.contains([':', '*', '?'])));
        let there = paths.iter().find(|p| p.starts_with("what")).unwrap();
        world.write(Destination, there, "edited there");
        world.sync();
        world.has(Source, "what: a *name*?", Some("edited there"));
        world.still();
        // What cannot be mapped is shown.
        world.write(Source, "CON", "a device");
        assert_eq!(world.sync().problems, 1);
        world.has(Source, "CON", Some("a device"));
    }
}

/// A folder that was deleted on the one side stays on the other for what is not synced in it. What comes by its name in
/// capitals is that folder where capitals do not tell, or waits for it where only the one side leads.
#[test]
fn what_comes_in_capitals_meets_a_folder_that_stayed() {
    for seed in SEEDS {
        let world = World::of(
            seed,
            |o| o.filter.patterns = vec!["*.log".to_owned()],
            |side| {
                let mut capabilities = capabilities(Ids::Strong);
                if side == Destination {
                    capabilities.case = CaseRule::Insensitive;
                }
                capabilities
            },
        );
        world.folder(Source, "f");
        world.write(Source, "f/a", "sent");
        world.sync();
        world.write(Destination, "f/own.log", "mine");
        world.delete(Source, "f/a");
        world.delete(Source, "f");
        world.sync();
        world.has(Destination, "f/own.log", Some("mine"));
        world.folder(Source, "F");
        world.write(Source, "F/b", "new");
        let summary = world.sync();
        assert_eq!((summary.stopped, summary.problems), (None, 0), "{seed}");
        world.still();
        assert_eq!(texts(&world, Source), BTreeSet::from(["new".to_owned()]));
        let there = ["mine".to_owned(), "new".to_owned()];
        assert_eq!(texts(&world, Destination), BTreeSet::from(there));
    }
}
