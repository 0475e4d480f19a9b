//! Answers that get lost after the request was done (P14).

use std::sync::Arc;

use tandem_core::path::RelPath;
use tandem_core::storage::{Discard, Expected, Keep, Root};
use tandem_testkit::servers::{Moto, RcloneS3};

use crate::bench::{PARTS_FROM, Shared, write};
use crate::proxy::Proxy;

static MOTO: Shared = Shared::new(Moto::start);
static RCLONE: Shared = Shared::new(RcloneS3::start);

async fn done_once_although_the_answer_is_lost(shared: &Shared) {
    let bucket = shared.bucket();
    let proxy = Proxy::before(bucket.server.endpoint());
    let endpoint = proxy.endpoint();
    let storage = bucket.open(Some(&shared.probed().await), &[("endpoint", &endpoint)]);
    let root: Arc<dyn Root> = storage.root("").await.unwrap();
    let (path, to) = (
        RelPath::new("file").unwrap(),
        RelPath::new("moved").unwrap(),
    );
    let put = format!("PUT /{}/file", bucket.name);

    proxy.lose(&put);
    let made = write(&*root, &path, b"first", Expected::Absent)
        .await
        .unwrap();
    assert!(proxy.has_met());

    proxy.lose(&put);
    let expected = Expected::Revision(made.entry.revision);
    let made = write(&*root, &path, b"second", expected).await.unwrap();
    assert!(proxy.has_met());

    proxy.lose(&format!("PUT /{}/moved", bucket.name));
    let expected = Expected::Revision(made.entry.revision);
    let from = path.clone().into();
    let moved = root
        .move_to(&from, &expected, &to, &Expected::Absent, &Keep::No)
        .await
        .unwrap();
    assert!(proxy.has_met());

    proxy.lose(&format!("DELETE /{}/moved", bucket.name));
    let expected = Expected::Revision(moved.entry.revision);
    let deleted = root
        .delete(&to.into(), &expected, &Keep::No, Discard::Forever)
        .await
        .unwrap();
    assert!(proxy.has_met());
    assert!(!deleted.was_absent);

    let large = vec![7; usize::try_from(PARTS_FROM).unwrap() + 1];
    proxy.lose(&format!("POST /{}/file?uploadId", bucket.name));
    let made = write(&*root, &path, &large, Expected::Absent)
        .await
        .unwrap();
    assert!(proxy.has_met(), "finishing an upload goes another way");
    assert_eq!(made.entry.size, large.len() as u64);
}

#[tokio::test]
async fn a_change_is_done_once_although_its_answer_is_lost() {
    done_once_although_the_answer_is_lost(&MOTO).await;
}

#[tokio::test]
async fn a_change_is_done_once_where_no_condition_is_heeded() {
    done_once_although_the_answer_is_lost(&RCLONE).await;
}
