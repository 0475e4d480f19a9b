//! Committing: old or new and nothing between (P4), flushed (P5), and nothing unseen replaced (P7, P9).

use std::os::unix::fs::symlink;

use tandem_core::error::Cause;
use tandem_core::storage::{Expected, Keep, Meta, Root};

use super::support::{
    Bench, FORMS, at, cause, fail_at, key, member, next_tick, once_at, rel, version,
};
use crate::disk::Moment;
use crate::sys::Errno;

#[tokio::test]
async fn each_expectation_holds_or_nothing_happens() {
    for form in FORMS {
        let bench = Bench::with(form);
        let made = bench
            .write("file", "one", Expected::Absent, Keep::No)
            .await
            .unwrap();
        let taken = bench.write("file", "two", Expected::Absent, Keep::No).await;
        assert_eq!(cause(taken), Cause::AlreadyExists);
        assert_eq!(bench.text("file").unwrap(), "one");

        let first = Expected::Revision(made.entry.revision);
        next_tick();
        let done = bench
            .write("file", "two", first.clone(), Keep::No)
            .await
            .unwrap();
        assert!(done.kept.is_none() && done.displaced.is_none());
        assert_eq!(bench.text("file").unwrap(), "two");

        let stale = bench.write("file", "three", first.clone(), Keep::No).await;
        assert_eq!(cause(stale), Cause::PreconditionFailed);
        assert_eq!(bench.text("file").unwrap(), "two");

        std::fs::remove_file(bench.path("file")).unwrap();
        let gone = bench.write("file", "three", first, Keep::No).await;
        assert_eq!(cause(gone), Cause::PreconditionFailed);
        assert!(bench.text("file").is_none());
        for text in ["free", "taken"] {
            bench
                .write("file", text, Expected::Any, Keep::No)
                .await
                .unwrap();
            assert_eq!(bench.text("file").unwrap(), text);
        }
    }
}

#[tokio::test]
async fn what_failed_can_be_committed_again_or_discarded() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("file", "theirs");
        let staged = bench.stage("file", "ours", &Meta::default()).await.unwrap();
        let first = bench
            .commit(staged.clone(), Expected::Absent, Keep::No)
            .await;
        assert_eq!(cause(first), Cause::AlreadyExists);
        let seen = bench.expect("file").await;
        bench.commit(staged, seen, Keep::No).await.unwrap();
        assert_eq!(bench.text("file").unwrap(), "ours");
        bench.root.settle().await.unwrap();
        assert!(bench.own_names("").is_empty());
    }
}

#[tokio::test]
async fn what_was_replaced_is_kept_under_its_key() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("a/file", "old");
        let inode = bench.inode("a/file");
        let seen = bench.expect("a/file").await;
        let done = bench
            .write("a/file", "new", seen, version("7", "a/file"))
            .await
            .unwrap();
        assert_eq!(done.kept, Some(key("7", "a/file")));
        assert_eq!(bench.text("a/file").unwrap(), "new");
        let kept = ".tandem/versions/v1/desk-0000/2026-11-20/7/file";
        assert_eq!(bench.text(kept).unwrap(), "old");
        assert_eq!(
            bench.inode(kept),
            inode,
            "the file itself, so that an open editor writes there"
        );
        assert!(bench.own_names("a").is_empty());
    }
}

#[tokio::test]
async fn an_edit_between_check_and_swap_keeps_its_name() {
    for (how, form) in [
        ("in place", FORMS[0]),
        ("by rename", FORMS[0]),
        ("in place", FORMS[1]),
    ] {
        for keep in [Keep::No, version("1", "file")] {
            let bench = Bench::with(form);
            bench.put("file", "old");
            let seen = bench.expect("file").await;
            let staged = bench.stage("file", "ours", &Meta::default()).await.unwrap();
            let (path, aside) = (bench.path("file"), bench.path("editor"));
            next_tick();
            once_at(&bench.root, Moment::BeforeSwap, move || {
                if how == "in place" {
                    std::fs::write(path, "edited").unwrap();
                } else {
                    std::fs::write(&aside, "edited").unwrap();
                    std::fs::rename(aside, path).unwrap();
                }
            });
            let done = bench.commit(staged, seen, keep).await;
            assert_eq!(cause(done), Cause::PreconditionFailed, "{how}");
            assert_eq!(bench.text("file").unwrap(), "edited", "{how}");
        }
    }
}

#[tokio::test]
async fn a_second_edit_before_the_undo_keeps_the_name_and_the_first_is_displaced() {
    for second in [Moment::AfterSwap, Moment::BeforeUndo] {
        second_edit(second).await;
    }
}

async fn second_edit(second: Moment) {
    let bench = Bench::new();
    bench.put("file", "old");
    let seen = bench.expect("file").await;
    let staged = bench.stage("file", "ours", &Meta::default()).await.unwrap();
    let (path, aside) = (bench.path("file"), bench.path("editor"));
    next_tick();
    bench.root.disk().set_hook(move |moment| {
        let text = match moment {
            Moment::BeforeSwap => "first edit",
            moment if moment == second => "second edit",
            _ => return Ok(()),
        };
        std::fs::write(&aside, text).unwrap();
        std::fs::rename(&aside, &path).unwrap();
        Ok(())
    });
    let done = bench.commit(staged, seen, Keep::No).await.unwrap();
    assert_eq!(bench.text("file").unwrap(), "second edit");
    let displaced = done.displaced.unwrap();
    assert_eq!(displaced.entry.unwrap().size, 10);
    let read = bench
        .root
        .read_version(&displaced.version, 0, u64::MAX)
        .await;
    assert_eq!(super::support::collect(read).await.unwrap(), b"first edit");
}

#[tokio::test]
async fn an_edit_during_the_portable_swap_is_displaced_and_kept() {
    let bench = Bench::with(FORMS[1]);
    bench.put("file", "old");
    let seen = bench.expect("file").await;
    let staged = bench.stage("file", "ours", &Meta::default()).await.unwrap();
    // An editor that holds the old file open.
    let editor = std::fs::OpenOptions::new()
        .write(true)
        .open(bench.path("file"))
        .unwrap();
    next_tick();
    once_at(&bench.root, Moment::AfterSwap, move || {
        std::os::unix::fs::FileExt::write_at(&editor, b"edited", 0).unwrap();
    });
    let done = bench.commit(staged, seen, Keep::No).await.unwrap();
    let displaced = done.displaced.unwrap();
    let read = bench
        .root
        .read_version(&displaced.version, 0, u64::MAX)
        .await;
    assert_eq!(super::support::collect(read).await.unwrap(), b"edited");
}

#[tokio::test]
async fn an_edit_right_after_the_swap_is_not_reported_as_ours() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("file", "old");
        let seen = bench.expect("file").await;
        let staged = bench.stage("file", "ours", &Meta::default()).await.unwrap();
        let path = bench.path("file");
        next_tick();
        once_at(&bench.root, Moment::AfterSwap, move || {
            std::fs::write(path, "edited since").unwrap();
        });
        let done = bench.commit(staged, seen, Keep::No).await.unwrap();
        assert_eq!(done.entry.size, 4, "the entry is of what was committed");
        assert_ne!(done.entry.revision, bench.entry("file").await.revision);
        assert_eq!(bench.text("file").unwrap(), "edited since");
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_replaced() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("file", "old");
        let seen = bench.expect("file").await;
        fail_at(&bench.root, Moment::BeforeKeep, Errno::NOSPC);
        let done = bench.write("file", "new", seen, version("1", "file")).await;
        assert_eq!(cause(done), Cause::Quota);
        assert_eq!(bench.text("file").unwrap(), "old");
    }
}

#[tokio::test]
async fn folders_and_special_files_are_not_replaced() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("folder/file", "x");
        let socket = std::os::unix::net::UnixListener::bind(bench.path("socket")).unwrap();
        for path in ["folder", "socket"] {
            for expected in [bench.expect(path).await, Expected::Any] {
                let done = bench.write(path, "x", expected, Keep::No).await;
                assert_eq!(cause(done), Cause::PreconditionFailed, "{path}");
            }
        }
        drop(socket);
        assert_eq!(bench.text("folder/file").unwrap(), "x");
    }
}

#[tokio::test]
async fn a_link_is_replaced_and_what_it_leads_to_is_not_touched() {
    for form in FORMS {
        let bench = Bench::with(form);
        std::fs::write(bench.outside("secret"), "x").unwrap();
        symlink(bench.outside("secret"), bench.path("link")).unwrap();
        let seen = bench.expect("link").await;
        bench
            .write("link", "new", seen, version("1", "link"))
            .await
            .unwrap();
        assert_eq!(bench.text("link").unwrap(), "new");
        assert_eq!(
            std::fs::read_to_string(bench.outside("secret")).unwrap(),
            "x"
        );
        assert!(!bench.path("link").is_symlink());
    }
}

#[tokio::test]
async fn in_a_group_each_member_has_its_own_answer() {
    for size in [3, 30] {
        let bench = Bench::new();
        bench.root.create_folder(&rel("a")).await.unwrap();
        bench.put("a/f1", "theirs");
        let mut group = Vec::new();
        for n in 0..size {
            let staged = bench
                .stage(&format!("a/f{n}"), "ours", &Meta::default())
                .await
                .unwrap();
            group.push(member(staged, Expected::Absent, Keep::No));
        }
        let lost = group[2].staged.token.clone();
        bench.root.discard(&lost).await.unwrap();
        let answers = bench.root.commit(group).await;
        assert_eq!(answers.len(), size);
        for (n, answer) in answers.into_iter().enumerate() {
            match n {
                1 => assert_eq!(cause(answer), Cause::AlreadyExists),
                2 => assert_eq!(cause(answer), Cause::NotFound),
                _ => assert_eq!(answer.unwrap().entry.name.as_str(), format!("f{n}")),
            }
        }
        assert_eq!(bench.text("a/f1").unwrap(), "theirs");
        bench.root.settle().await.unwrap();
    }
}

#[tokio::test]
async fn a_failed_flush_fails_the_whole_group_and_shows_none_of_it() {
    for size in [2, 12] {
        let bench = Bench::new();
        fail_at(&bench.root, Moment::BeforeFlush, Errno::IO);
        let mut group = Vec::new();
        for n in 0..size {
            let staged = bench
                .stage(&format!("f{n}"), "x", &Meta::default())
                .await
                .unwrap();
            group.push(member(staged, Expected::Absent, Keep::No));
        }
        for answer in bench.root.commit(group).await {
            assert_eq!(cause(answer), Cause::LocalIo);
        }
        assert!(
            bench.own_names("").is_empty(),
            "they are to be staged again"
        );
        assert!(bench.root.stat(&at("f0")).await.unwrap().is_none());
        assert_eq!(cause(bench.root.settle().await), Cause::LocalIo);
    }
}

#[tokio::test]
async fn a_staged_file_whose_bytes_were_changed_or_swapped_is_not_shown() {
    let bench = Bench::naming();
    let staged = bench
        .stage("file", "hello", &Meta::default())
        .await
        .unwrap();
    let name = bench.own_names("").remove(0);
    std::fs::write(bench.path(&name), "hell").unwrap();
    let done = bench.commit(staged, Expected::Absent, Keep::No).await;
    assert_eq!(cause(done), Cause::HashMismatch);

    let staged = bench
        .stage("file", "hello", &Meta::default())
        .await
        .unwrap();
    let name = bench
        .own_names("")
        .into_iter()
        .find(|n| staged.token.0.contains(n))
        .unwrap();
    std::fs::write(bench.path("other"), "other").unwrap();
    std::fs::rename(bench.path("other"), bench.path(&name)).unwrap();
    let done = bench.commit(staged, Expected::Absent, Keep::No).await;
    assert_eq!(cause(done), Cause::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn against_an_editor_that_saves_by_rename_no_save_is_lost() {
    let bench = Bench::new();
    bench.put("file", "0");
    let (path, aside) = (bench.path("file"), bench.path("editor"));
    let saves = std::thread::spawn(move || {
        for n in 1..=3000_u32 {
            std::fs::write(&aside, format!("save {n}")).unwrap();
            std::fs::rename(&aside, &path).unwrap();
            // Now and then it leaves time for one of ours.
            if n % 100 == 0 {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
    });
    let mut ours = 0;
    while !saves.is_finished() {
        let seen = bench.expect("file").await;
        let done = bench
            .write("file", "ours", seen, version(&ours.to_string(), "file"))
            .await;
        match done {
            Ok(_) => ours += 1,
            Err(error) => assert!(error.is_lost_race(), "{error}"),
        }
    }
    saves.join().unwrap();
    // The last save is on its name or kept, never gone. (Earlier ones the editor replaced itself.)
    let mut found = vec![bench.text("file").unwrap()];
    for kept in bench.root.versions(None).await.unwrap() {
        let read = bench.root.read_version(&kept.key, 0, u64::MAX).await;
        found.push(String::from_utf8(super::support::collect(read).await.unwrap()).unwrap());
    }
    assert!(
        found.iter().any(|text| text == "save 3000"),
        "{:?}",
        &found[..found.len().min(5)]
    );
    assert!(ours > 0);
}

/// The disk counts what it is asked to flush, and lets the `fails`th fail.
fn counting_flushes(
    bench: &Bench,
    fails: Option<usize>,
) -> std::sync::Arc<std::sync::Mutex<usize>> {
    let counted = std::sync::Arc::new(std::sync::Mutex::new(0));
    let count = counted.clone();
    bench.root.disk().set_hook(move |moment| {
        if moment == Moment::Flush {
            let mut count = count.lock().unwrap();
            *count += 1;
            if fails == Some(*count) {
                return Err(Errno::IO);
            }
        }
        Ok(())
    });
    counted
}

async fn group(bench: &Bench, folder: &str, size: usize) -> Vec<tandem_core::storage::Commit> {
    std::fs::create_dir_all(bench.path(folder)).unwrap();
    let mut group = Vec::new();
    for n in 0..size {
        let path = format!("{folder}/f{n}");
        let staged = bench.stage(&path, "x", &Meta::default()).await.unwrap();
        group.push(member(staged, Expected::Absent, Keep::No));
    }
    group
}

/// What one failed flush leaves in doubt, the next one cannot show: the system tells a failure once.
#[tokio::test]
async fn what_was_visible_before_a_failed_flush_is_not_believed_by_the_next() {
    for size in [2, 12] {
        let bench = Bench::new();
        for answer in bench.root.commit(group(&bench, "a", size).await).await {
            answer.unwrap();
        }
        // The content of the second group can be flushed, the names of the first cannot.
        let flushed_alone = if size <= 4 { size } else { 0 };
        let second = group(&bench, "b", size).await;
        counting_flushes(&bench, Some(flushed_alone + 1));
        for answer in bench.root.commit(second).await {
            assert_eq!(cause(answer), Cause::LocalIo);
        }
        assert_eq!(cause(bench.root.settle().await), Cause::LocalIo);
        bench.root.settle().await.unwrap();
        for answer in bench.root.commit(group(&bench, "c", size).await).await {
            answer.unwrap();
        }
        bench.root.settle().await.unwrap();
    }
}

#[tokio::test]
async fn a_first_group_that_cannot_be_flushed_leaves_nothing_in_doubt() {
    let bench = Bench::new();
    let first = group(&bench, "a", 12).await;
    counting_flushes(&bench, Some(1));
    for answer in bench.root.commit(first).await {
        assert_eq!(cause(answer), Cause::LocalIo);
    }
    bench.root.settle().await.unwrap();
}

/// FUSE, FAT and most servers flush nothing when all is to be flushed, or do not say what failed.
#[tokio::test]
async fn where_a_flush_of_all_cannot_be_relied_on_each_file_and_folder_is_flushed() {
    let bench = Bench::new();
    let folder = &bench.root.disk().anchor().unwrap().folder;
    folder.pretend_to_lack();
    let size = 12;
    let first = group(&bench, "a", size).await;
    let counted = counting_flushes(&bench, None);
    for answer in bench.root.commit(first).await {
        answer.unwrap();
    }
    assert_eq!(*counted.lock().unwrap(), size);
    for n in 0..size {
        let path = rel(&format!("folder{n}/deep"));
        bench.root.create_folder(&path).await.unwrap();
    }
    *counted.lock().unwrap() = 0;
    bench.root.settle().await.unwrap();
    // `a`, the root, and each folder that holds a new one.
    assert_eq!(*counted.lock().unwrap(), 2 + size);

    let second = group(&bench, "b", size).await;
    counting_flushes(&bench, Some(size));
    for answer in bench.root.commit(second).await {
        assert_eq!(cause(answer), Cause::LocalIo);
    }
    assert!(bench.root.stat(&at("b/f0")).await.unwrap().is_none());
}

#[tokio::test]
async fn what_came_back_and_cannot_be_looked_at_gets_its_name_back() {
    for form in FORMS {
        for edited in [false, true] {
            let bench = Bench::with(form);
            bench.put("file", "old");
            let seen = bench.expect("file").await;
            let staged = bench.stage("file", "ours", &Meta::default()).await.unwrap();
            let (token, path) = (staged.token.clone(), bench.path("file"));
            bench.root.disk().set_hook(move |moment| match moment {
                // Unseen: right before the names are exchanged. In the portable form it is looked at once more.
                Moment::BeforeSwap if edited && !form.portable => {
                    next_tick();
                    std::fs::write(&path, "edited").unwrap();
                    Ok(())
                }
                Moment::AfterSwap => Err(Errno::IO),
                _ => Ok(()),
            });
            let done = bench.commit(staged, seen, version("1", "file")).await;
            assert_eq!(cause(done), Cause::LocalIo);
            let left = if edited && !form.portable {
                "edited"
            } else {
                "old"
            };
            assert_eq!(bench.text("file").unwrap(), left);
            bench.root.discard(&token).await.unwrap();
            assert!(bench.own_names("").is_empty());
            assert!(bench.root.versions(None).await.unwrap().is_empty());
        }
    }
}
