//! A server whose answers are an input.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::task::Poll;
use std::time::Duration;

use aws_sdk_s3::config::SharedHttpClient;
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use tandem_core::capabilities::{Capabilities, Conditions};
use tandem_core::entry::HashKind;
use tandem_core::environment::{BoxFuture, Environment, Task};
use tandem_core::storage::{Config, Credentials, Root, Storage};
use tandem_core::time::Timestamp;
use tokio::runtime::Runtime;

use super::super::client::S3Bucket;
use super::super::services::SERVICES;
use super::super::settings::Settings;
use crate::objects::bucket::Bucket;
use crate::objects::storage::BucketStorage;
use crate::retry::Account;

/// What stands between the answers of an input.
const BETWEEN: &[u8] = b"\n---\n";

/// Never to be told.
pub(super) const SECRETS: [&str; 2] = ["AKIDEXAMPLE", "wJalrXUtnFEMI"];

/// A clock that goes on as soon as somebody waits for it, if all else stands still.
struct Hurried(AtomicU64);

impl Environment for Hurried {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_795_000_000)
    }

    fn uptime(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn random(&self) -> u64 {
        0x9E37_79B9_7F4A_7C15
    }

    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        self.0.fetch_add(millis, Ordering::Relaxed);
        // What needs no time comes before what waits for some to pass.
        let mut turns = 200;
        Box::pin(std::future::poll_fn(move |context| {
            turns -= 1;
            if turns == 0 {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }))
    }

    fn spawn(&self, task: BoxFuture<()>) -> Task {
        let task = tokio::spawn(task);
        Task::new(move || task.abort())
    }
}

/// Runs to its end what a storage does.
pub(super) fn wait<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<Mutex<Runtime>> = LazyLock::new(|| {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        Mutex::new(builder.enable_all().build().unwrap())
    });
    let runtime = RUNTIME
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    runtime.block_on(work)
}

/// Answers each kind of request by its part of an input, the last kinds by the last part.
struct Canned(Vec<Vec<u8>>);

impl fmt::Debug for Canned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canned")
    }
}

impl HttpConnector for Canned {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let kind = match (request.method(), request.uri()) {
            ("GET", uri) if uri.contains("list-type=") => 0,
            ("HEAD", _) => 1,
            ("GET", uri) if uri.contains("versioning") => 2,
            ("GET", uri) if uri.contains("versions") => 3,
            ("GET", _) => 4,
            ("PUT", _) => 5,
            ("POST", uri) if uri.contains("uploads") => 6,
            ("POST", _) => 7,
            _ => 8,
        };
        let part = self.0.get(kind).or(self.0.last());
        HttpConnectorFuture::ready(Ok(answer(part.map_or(b"", Vec::as_slice))))
    }
}

/// A status, then a line for each header, an empty line, the body.
fn answer(part: &[u8]) -> HttpResponse {
    let end = part.windows(2).position(|two| two == b"\n\n");
    let (head, body) = end.map_or((part, &b""[..]), |end| (&part[..end], &part[end + 2..]));
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.parse::<u16>().ok());
    let status = StatusCode::try_from(status.unwrap_or(200)).ok();
    let fallback = StatusCode::try_from(500).unwrap();
    let mut response = HttpResponse::new(status.unwrap_or(fallback), SdkBody::from(body.to_vec()));
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        // What is no header was never sent.
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        let _ = response.headers_mut().try_insert(name, value);
    }
    response
}

fn named(pairs: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(own).collect()
}

/// A root in a bucket whose server answers by `input`.
pub(super) fn root(input: &[u8]) -> Arc<dyn Root> {
    let mut parts = Vec::new();
    let mut rest = input;
    while let Some(at) = rest.windows(BETWEEN.len()).position(|part| part == BETWEEN) {
        parts.push(rest[..at].to_vec());
        rest = &rest[at + BETWEEN.len()..];
    }
    parts.push(rest.to_vec());
    let connector = SharedHttpConnector::new(Canned(parts));
    let http: SharedHttpClient = http_client_fn(move |_, _| connector.clone());
    let config = Config(named(&[
        ("endpoint", "http://127.0.0.1:9"),
        ("bucket", "bucket"),
        ("multipart_threshold", "8"),
    ]));
    let keys = [
        ("access_key_id", SECRETS[0]),
        ("secret_access_key", SECRETS[1]),
    ];
    let settings = Settings::new(&SERVICES[0], &config, &Credentials(named(&keys))).unwrap();
    let environment = Arc::new(Hurried(AtomicU64::new(0)));
    let account = Arc::new(Account::new(environment.clone()));
    let objects = Box::new(S3Bucket::new(settings, http, environment.clone()));
    let capabilities = Capabilities {
        conditions: Conditions::ALL,
        hashes: vec![HashKind::Md5],
        server_copy: true,
        versions: true,
        mtime: true,
        empty_folders: true,
        ranges: true,
        ..Capabilities::least()
    };
    let bucket = Bucket::new(objects, Some(&capabilities), account, environment);
    wait(BucketStorage::new(bucket).root("")).unwrap()
}
