//! What blobs are besides files of Tandem's.

use std::sync::Arc;

use bytes::Bytes;
use tandem_core::content::BytesContent;
use tandem_core::entry::Mtime;
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Commit, Expected, Keep, Locator, Meta, ResumeSink, ResumeToken, Root, Unheard,
};
use tandem_core::time::Timestamp;

use crate::bench::{BLOCKS_FROM, Container, probed, write};

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

async fn root(container: &Container) -> Arc<dyn Root> {
    container
        .open(Some(&probed().await))
        .root("")
        .await
        .unwrap()
}

#[tokio::test]
async fn rclone_reads_the_time_that_was_written_and_the_other_way_round() {
    let container = Container::fresh();
    let root = root(&container).await;
    let mtime = Mtime {
        at: Timestamp(1_234_567_890_123_456_789),
        by_client: true,
    };
    let meta = Meta {
        mtime: Some(mtime),
        ..Meta::default()
    };
    let content = Arc::new(BytesContent(Bytes::from_static(b"text")));
    let staged = root
        .stage(&path("ours"), content, &meta, None, Arc::new(Unheard))
        .await
        .unwrap();
    let commit = Commit {
        staged,
        expected: Expected::Absent,
        keep: Keep::No,
        sink: None,
    };
    root.commit(vec![commit]).await.remove(0).unwrap();
    let rclone = container.rclone();
    let listed = rclone
        .run(
            &["lsf", "--format", "t", "--time-format", "unixnano"],
            "ours",
            None,
        )
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&listed.stdout).trim(),
        "1234567890123456789"
    );

    rclone
        .run(
            &["touch", "--timestamp", "2001-02-03T04:05:06.789"],
            "theirs",
            None,
        )
        .unwrap();
    let theirs = root
        .stat(&Locator::of_path(path("theirs")))
        .await
        .unwrap()
        .unwrap();
    let found = theirs.mtime.unwrap();
    assert!(found.by_client);
    assert_eq!(found.at, Timestamp(981_173_106_789_000_000));
}

/// What an owner set for those who read it from the container outlives new content, a move and new metadata.
#[tokio::test]
async fn the_type_of_content_is_kept() {
    let container = Container::fresh();
    let root = root(&container).await;
    let file = path("page");
    write(&*root, &file, b"<p>", Expected::Absent)
        .await
        .unwrap();
    container.ask(
        "PUT",
        "page?comp=properties",
        &[
            "x-ms-blob-content-type: text/html",
            "x-ms-blob-cache-control: max-age=60",
        ],
    );
    let at = Locator::of_path(file.clone());
    let entry = root.stat(&at).await.unwrap().unwrap();
    let written = write(
        &*root,
        &file,
        b"<p>more",
        Expected::Revision(entry.revision),
    )
    .await
    .unwrap();
    let expected = Expected::Revision(written.entry.revision);
    let meta = Meta {
        executable: Some(true),
        ..Meta::default()
    };
    let changed = root.set_meta(&at, &expected, &meta).await.unwrap();
    let (expected, to) = (Expected::Revision(changed.revision), path("moved"));
    root.move_to(&at, &expected, &to, &Expected::Absent, &Keep::No)
        .await
        .unwrap();
    let large = vec![7; usize::try_from(BLOCKS_FROM).unwrap()];
    let entry = root
        .stat(&Locator::of_path(to.clone()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(entry.executable, Some(true));
    write(&*root, &to, &large, Expected::Revision(entry.revision))
        .await
        .unwrap();
    let shown = container
        .rclone()
        .run(&["lsjson", "--metadata"], "moved", None)
        .unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("text/html"), "{shown}");
    let entry = root.stat(&Locator::of_path(to)).await.unwrap().unwrap();
    assert_eq!((entry.size, entry.executable), (BLOCKS_FROM, Some(true)));
}

/// Uncommitted blocks belong to the name of a blob. Once somebody else has put a blob together there they are gone, and an
/// upload that goes on with them must notice.
#[tokio::test]
async fn blocks_that_somebody_else_swept_are_sent_again() {
    struct Last(std::sync::Mutex<Option<ResumeToken>>);
    impl ResumeSink for Last {
        fn store(&self, token: &ResumeToken) {
            *self.0.lock().unwrap() = Some(token.clone());
        }
        fn progress(&self, _: u64) {}
    }
    let container = Container::fresh();
    let root = root(&container).await;
    let (file, meta) = (path("large"), Meta::default());
    let bytes = Bytes::from(vec![3; usize::try_from(BLOCKS_FROM).unwrap()]);
    let content = || Arc::new(BytesContent(bytes.clone()));
    let sink = Arc::new(Last(std::sync::Mutex::new(None)));
    let staged = root
        .stage(&file, content(), &meta, None, sink.clone())
        .await
        .unwrap();
    let theirs = vec![4; usize::try_from(BLOCKS_FROM).unwrap()];
    let entry = write(&*root, &file, &theirs, Expected::Absent)
        .await
        .unwrap()
        .entry;
    let commit = |staged| Commit {
        staged,
        expected: Expected::Revision(entry.revision.clone()),
        keep: Keep::No,
        sink: None,
    };
    assert!(root.commit(vec![commit(staged)]).await.remove(0).is_err());
    let token = sink.0.lock().unwrap().clone();
    let staged = root
        .stage(&file, content(), &meta, token.as_ref(), Arc::new(Unheard))
        .await
        .unwrap();
    let made = root.commit(vec![commit(staged)]).await.remove(0).unwrap();
    assert_eq!(made.entry.size, BLOCKS_FROM);
    assert_eq!(
        container
            .rclone()
            .run(&["cat"], "large", None)
            .unwrap()
            .stdout,
        bytes
    );
}
