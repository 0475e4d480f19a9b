//! What befalls requests on their way: a moment's failure teaches nothing about a server, and one that lasts is told.

use futures_util::future::join_all;
use tandem_core::capabilities::Capabilities;
use tandem_core::error::{Cause, StorageError};
use tandem_testkit::servers::webdav::{RcloneWebDav, Sabre};

use crate::bench::Shared;
use crate::proxy::Proxy;

static SABRE: Shared = Shared::new(Sabre::start);
static RCLONE: Shared = Shared::new(RcloneWebDav::start);

/// What the probe finds while so many such requests are answered with this status, and whether all were met.
async fn probed(
    shared: &Shared,
    request: &str,
    times: u32,
    status: u16,
) -> (Result<Capabilities, StorageError>, bool) {
    let folder = shared.folder().await;
    let proxy = Proxy::before(folder.server.url());
    let storage = folder.open_at(&proxy.endpoint(), None);
    proxy.answer(request, times, status);
    let tested = storage.validate(&folder.name, &|_| ()).await;
    let found = tested.capabilities.map(|found| Capabilities {
        probed: None,
        ..found
    });
    (found, proxy.has_met())
}

async fn learns_nothing(shared: &Shared, requests: &[(&str, u32, u16)]) {
    let undisturbed = Capabilities {
        probed: None,
        ..shared.probed().await
    };
    let undisturbed = &undisturbed;
    let probes = requests.iter().map(|(request, times, status)| async move {
        let (found, has_met) = probed(shared, request, *times, *status).await;
        assert!(has_met, "{request}");
        assert_eq!(found.unwrap(), *undisturbed, "{request} {times} {status}");
    });
    join_all(probes).await;
}

#[tokio::test]
async fn what_passes_decides_nothing_about_a_server() {
    let requests = [
        ("PUT /.hidden", 1, 503),
        ("PUT /.hidden", 3, 500),
        ("PROPFIND /names-", 1, 503),
        ("PROPFIND /names-", 1, 429),
        ("PUT /bell", 1, 502),
        ("PUT /%C3%BCber", 1, 503),
        ("PUT /cut", 2, 503),
        ("PUT /created-", 1, 503),
        ("MOVE /source", 1, 503),
        ("DELETE /file", 1, 503),
    ];
    learns_nothing(&SABRE, &requests).await;
}

#[tokio::test]
async fn what_passes_decides_nothing_where_content_is_moved_to_its_place() {
    let requests = [("MOVE /.hidden", 1, 503), ("MOVE /aside", 1, 500)];
    learns_nothing(&RCLONE, &requests).await;
}

#[tokio::test]
async fn a_name_that_always_fails_beside_others_is_one_that_cannot_be_held() {
    let (found, _) = probed(&SABRE, "PUT /.hidden", u32::MAX, 500).await;
    assert!(found.unwrap().names.no_leading_period);
}

#[tokio::test]
async fn a_server_that_fails_with_every_name_is_not_said_to_refuse_them() {
    let (found, _) = probed(&SABRE, "PUT /names-", u32::MAX, 503).await;
    assert_eq!(found.unwrap_err().cause, Cause::Server);
    let (found, _) = probed(&SABRE, "PROPFIND /names-", u32::MAX, 500).await;
    assert_eq!(found.unwrap_err().cause, Cause::Server);
    let (found, _) = probed(&SABRE, "PUT /names-", 1, 507).await;
    assert_eq!(found.unwrap_err().cause, Cause::Quota);
}
