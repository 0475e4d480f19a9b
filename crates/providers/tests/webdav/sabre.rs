//! WebDAV against sabre/dav 1.8, Debian's: ETags are MD5s, a replaced or deleted file is guarded, a moved one is not.
//! It asks for Digest.

use tandem_core::capabilities::AtomicWrite;
use tandem_core::entry::HashKind;
use tandem_core::error::Cause;
use tandem_testkit::conformance::{KnownFault, Subject, run_all};
use tandem_testkit::servers::webdav::Sabre;

use crate::bench::Shared;

static SABRE: Shared = Shared::new(Sabre::start);

const fn misread(what: &'static str) -> KnownFault {
    KnownFault {
        what,
        why: "sabre/dav 1.8 guesses the encoding of an address (URLUtil::decodePath) and takes this for Latin-1",
        at_times: false,
    }
}

const NAMES: [KnownFault; 4] = [
    misread("astral\u{10ffff}"),
    misread("\u{130}stanbul"),
    misread("\u{feff}bom"),
    KnownFault {
        what: "new\nline",
        why: "sabre/dav 1.8 finds no folder whose name has a line break",
        at_times: false,
    },
];

async fn fresh() -> Subject {
    Subject {
        known_faults: NAMES.to_vec(),
        ..SABRE.subject().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn the_contract_is_kept() {
    let _started_once = SABRE.server();
    run_all(fresh).await.assert_kept();
}

#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let found = SABRE.probed().await;
    let conditions = &found.conditions;
    assert!(conditions.create && conditions.replace && conditions.delete);
    assert!(!conditions.copy && !conditions.move_);
    assert_eq!(found.atomic_write, AtomicWrite::Yes);
    assert_eq!(found.hashes, [HashKind::Md5]);
    assert!(found.quota && !found.mtime);
}

static HIDING: Shared = Shared::new(Sabre::start_hiding);

/// What such a server holds would look deleted: it is not added at all.
#[tokio::test]
async fn a_server_that_hides_names_is_refused() {
    let folder = HIDING.folder().await;
    let storage = folder.open(None);
    let tested = storage.validate(&folder.name, &|_| ()).await;
    let error = tested.capabilities.unwrap_err();
    assert_eq!(error.cause, Cause::Unsupported, "{error}");
    assert!(error.detail.contains("full stop"), "{error}");
}
