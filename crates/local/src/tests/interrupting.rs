//! An edit that comes between any two steps of a change is kept, whatever the change is (P9).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tandem_core::error::Result;
use tandem_core::storage::{Depth, Discard, Expected, Keep, Meta, Root};

use super::support::{Bench, FORMS, at, collect, list, next_tick, rel, version};
use crate::Options;
use crate::disk::Moment;

/// What the person writes. It is longer than all else, so that no clock needs to tell it apart.
const EDIT: &str = "what the person wrote";

/// A change of `file`, or of what `file` is moved onto.
#[derive(Debug, Clone, Copy)]
enum Change {
    Replace,
    Delete,
    MoveAway,
    MoveOnto,
    CopyOnto,
    SetMeta,
    CreateOnto,
}

const CHANGES: [Change; 7] = [
    Change::Replace,
    Change::Delete,
    Change::MoveAway,
    Change::MoveOnto,
    Change::CopyOnto,
    Change::SetMeta,
    Change::CreateOnto,
];

/// How the person writes.
#[derive(Debug, Clone, Copy)]
enum Hand {
    /// Into whatever has the name, or into a new file.
    InPlace,
    /// A file of its own takes the name.
    ByRename,
    /// Into the file that was opened before.
    Opened,
}

const HANDS: [Hand; 3] = [Hand::InPlace, Hand::ByRename, Hand::Opened];

impl Change {
    /// Makes the change and whatever makes it last.
    async fn make(self, bench: &Bench, keep: Keep) -> Result<()> {
        let root = &bench.root;
        let (file, other) = (at("file"), at("other"));
        let expect = async |path| bench.expect(path).await;
        match self {
            Self::Replace => {
                let seen = expect("file").await;
                bench.write("file", "ours", seen, keep).await.map(drop)
            }
            Self::CreateOnto => {
                std::fs::remove_file(bench.path("file")).unwrap();
                bench
                    .write("file", "ours", Expected::Absent, keep)
                    .await
                    .map(drop)
            }
            Self::Delete => {
                let seen = expect("file").await;
                root.delete(&file, &seen, &keep, Discard::Forever)
                    .await
                    .map(drop)
            }
            Self::MoveAway => {
                let seen = expect("file").await;
                root.move_to(&file, &seen, &rel("away"), &Expected::Absent, &keep)
                    .await
                    .map(drop)
            }
            Self::MoveOnto => {
                let (from, onto) = (expect("other").await, expect("file").await);
                root.move_to(&other, &from, &rel("file"), &onto, &keep)
                    .await
                    .map(drop)
            }
            Self::CopyOnto => {
                let (from, onto) = (expect("other").await, expect("file").await);
                root.copy(&other, &from, &rel("file"), &onto, &keep)
                    .await
                    .map(drop)
            }
            Self::SetMeta => {
                let seen = expect("file").await;
                let meta = Meta {
                    executable: Some(true),
                    ..Meta::default()
                };
                root.set_meta(&file, &seen, &meta).await.map(drop)
            }
        }
    }
}

impl Hand {
    fn write(self, path: &Path, opened: &File) {
        match self {
            Self::InPlace => std::fs::write(path, EDIT).unwrap(),
            Self::ByRename => {
                let aside = path.with_extension("editor");
                std::fs::write(&aside, EDIT).unwrap();
                std::fs::rename(aside, path).unwrap();
            }
            Self::Opened => opened.write_all_at(EDIT.as_bytes(), 0).unwrap(),
        }
    }
}

/// What a person finds: every visible file, and every version.
async fn found(bench: &Bench) -> Vec<String> {
    let mut found: Vec<String> = ["file", "other", "away"]
        .into_iter()
        .filter_map(|name| bench.text(name))
        .collect();
    for version in bench.root.versions(None).await.unwrap() {
        let read = bench.root.read_version(&version.key, 0, u64::MAX).await;
        found.push(String::from_utf8(collect(read).await.unwrap()).unwrap());
    }
    found
}

/// Lets the edit come at the `nth` instant of the change; says at which, `None` if there are fewer.
async fn edit_at(
    (form, change, hand, keeps): (Options, Change, Hand, bool),
    nth: usize,
) -> Option<Moment> {
    let bench = Bench::with(form);
    bench.put("file", "old");
    bench.put("other", "another");
    let path = bench.path("file");
    let opened = File::options().write(true).open(&path).unwrap();
    next_tick();
    let happened = Arc::new(Mutex::new(None));
    let (noted, mut count) = (happened.clone(), 0);
    bench.root.disk().set_hook(move |moment| {
        if count == nth {
            hand.write(&path, &opened);
            *noted.lock().unwrap() = Some(moment);
        }
        count += 1;
        Ok(())
    });
    let keep = if keeps {
        version("1", "file")
    } else {
        Keep::No
    };
    let answer = change.make(&bench, keep).await;
    let settled = bench.root.settle().await;
    let moment = happened.lock().unwrap().take()?;
    // What a change that was overtaken left is found by the next look.
    list(&bench.root, "", Depth::Subtree).await.unwrap();
    let found = found(&bench).await;
    assert!(
        found.iter().any(|text| text.starts_with(EDIT)),
        "{change:?}, {hand:?}, kept: {keeps}, portable: {}, at the {nth}th instant, {moment:?}: {found:?} after \
         {answer:?} and {settled:?}",
        form.portable
    );
    Some(moment)
}

#[tokio::test]
async fn an_edit_at_any_instant_of_any_change_is_kept() {
    let (mut rounds, mut moments) = (0, Vec::new());
    for form in FORMS {
        for change in CHANGES {
            for hand in HANDS {
                // The file that is opened before is taken away by this test itself then.
                if matches!((change, hand), (Change::CreateOnto, Hand::Opened)) {
                    continue;
                }
                for keeps in [true, false] {
                    let mut nth = 0;
                    while let Some(moment) = edit_at((form, change, hand, keeps), nth).await {
                        if !moments.contains(&moment) {
                            moments.push(moment);
                        }
                        nth += 1;
                    }
                    rounds += nth;
                }
            }
        }
    }
    assert!(rounds > 300, "{rounds} edits");
    for moment in [
        Moment::BeforeSwap,
        Moment::AfterSwap,
        Moment::BeforeTake,
        Moment::AfterTake,
        Moment::BeforeMove,
        Moment::BeforeKeep,
        Moment::BeforeFlush,
    ] {
        assert!(
            moments.contains(&moment),
            "{moment:?} never came: {moments:?}"
        );
    }
}
