//! ownCloud 10, simulated: as Nextcloud, without a login flow, with a trash bin and versions at other addresses, which
//! Tandem does not ask, and with checksums that are compared.

use tandem_testkit::conformance::{Subject, run_abreast};
use tandem_testkit::servers::nextcloud::Nextcloud;

use crate::bench::{Server, Shared};

/// The simulator in that manner.
struct OwnCloud(Nextcloud);

impl Server for OwnCloud {
    const TYPE: &'static str = "owncloud";
    const PARTS_FROM: Option<u64> = <Nextcloud as Server>::PARTS_FROM;

    fn settings() -> &'static [(&'static str, &'static str)] {
        <Nextcloud as Server>::settings()
    }

    fn name(&self) -> std::io::Result<String> {
        Ok("a simulated ownCloud".to_owned())
    }

    fn url(&self) -> String {
        self.0.url()
    }

    fn files_url(&self) -> String {
        self.0.files_url()
    }

    fn username(&self) -> &str {
        self.0.username()
    }

    fn password(&self) -> &str {
        self.0.password()
    }
}

static OWNCLOUD: Shared<OwnCloud> = Shared::new(|| Nextcloud::start_as_owncloud().map(OwnCloud));

async fn fresh() -> Subject {
    OWNCLOUD.subject().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: what was written is waited for until an ETag would tell it apart"]
async fn the_contract_is_kept() {
    let _started_once = OWNCLOUD.server();
    run_abreast(fresh).await.assert_kept();
}

#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let found = OWNCLOUD.probed().await;
    assert!(found.folder_revision_covers_subtree);
    assert!(!found.trash && !found.recursive_trash);
    assert!(found.parts.is_some() && found.mtime && found.quota);
}
