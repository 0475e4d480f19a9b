//! WebDAV against wsgidav: a name that is taken, a moved and a deleted file are guarded, two writes of one second have one
//! ETag, and a file is written in place. It asks for Digest. The whole suite takes minutes, since every second write waits
//! for a second to pass.

use tandem_core::capabilities::{AtomicWrite, Conditions};
use tandem_testkit::conformance::{KnownFault, Subject, run_all};
use tandem_testkit::servers::webdav::WsgiDav;

use crate::bench::Shared;

static WSGIDAV: Shared = Shared::new(WsgiDav::start);

async fn fresh() -> Subject {
    Subject {
        known_faults: vec![KnownFault {
            what: "of_many_creates_exactly_one_wins",
            why: "wsgidav 4.4.0 looks whether a name is taken and writes afterwards: of writers in one instant two get through",
            at_times: true,
        }],
        ..WSGIDAV.subject().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn the_contract_is_kept() {
    let _started_once = WSGIDAV.server();
    run_all(fresh).await.assert_kept();
}

#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let found = WSGIDAV.probed().await;
    let heeded = Conditions {
        create: true,
        move_: true,
        delete: true,
        ..Conditions::default()
    };
    assert_eq!(found.conditions, heeded);
    assert_eq!(found.atomic_write, AtomicWrite::No);
    assert_eq!(found.revision_granularity, 1_000_000_000);
    assert!(!found.mtime);
}
