//! What the tests of S3 share: buckets on servers that nobody here wrote, and a second client that is not the code
//! under test.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials as Keys, Region, RequestChecksumCalculation,
    ResponseChecksumValidation,
};
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use tandem_core::capabilities::Capabilities;
use tandem_core::environment::BoxFuture;
use tandem_core::storage::{Config, Credentials, Provider, Storage};
use tandem_providers::registry::providers;
use tandem_testkit::conformance::{Opener, Outsider, Place, Proof, Subject};
use tandem_testkit::real_time::real_time;
use tandem_testkit::servers::S3Server;
use tokio::sync::OnceCell;

pub(crate) use crate::steps::{write, write_keeping};

/// The size from which the tests upload in parts: more than one part, and cheap.
pub(crate) const PARTS_FROM: u64 = 6 << 20;

/// Where the root under test lies in its bucket.
const FOLDER: &str = "in a/folder";

/// A server that is started when the first test needs it and stopped when the last one is done.
pub(crate) struct Shared {
    start: fn() -> std::io::Result<S3Server>,
    running: Mutex<Weak<S3Server>>,
    probed: OnceCell<Capabilities>,
}

impl Shared {
    pub(crate) const fn new(start: fn() -> std::io::Result<S3Server>) -> Self {
        Self {
            start,
            running: Mutex::new(Weak::new()),
            probed: OnceCell::const_new(),
        }
    }

    pub(crate) fn server(&self) -> Arc<S3Server> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = running.upgrade() {
            return server;
        }
        let server = Arc::new((self.start)().unwrap());
        *running = Arc::downgrade(&server);
        server
    }

    /// A new bucket.
    pub(crate) fn bucket(&self) -> Bucket {
        let server = self.server();
        let name = format!("bucket-{:016x}", real_time().random());
        server.make_bucket(&name).unwrap();
        Bucket { server, name }
    }

    /// What `validate` found, once for all tests.
    pub(crate) async fn probed(&self) -> Capabilities {
        let probe = || async {
            let bucket = self.bucket();
            let storage = bucket.open(None, &[]);
            let tested = storage.validate(FOLDER, &|step| println!("{step:?}")).await;
            tested.capabilities.unwrap()
        };
        self.probed.get_or_init(probe).await.clone()
    }

    /// A fresh root in a bucket of its own.
    pub(crate) async fn subject(&self) -> Subject {
        self.subject_in(self.bucket()).await
    }

    /// A fresh root in `bucket`.
    pub(crate) async fn subject_in(&self, bucket: Bucket) -> Subject {
        let capabilities = self.probed().await;
        self.subject_with(bucket, capabilities).await
    }

    /// A fresh root in a bucket of its own, on a server that checks signatures.
    pub(crate) async fn subject_expiring(&self) -> Subject {
        let bucket = self.bucket();
        let expired = bucket.expired(self.probed().await);
        Subject {
            expired: Some(expired),
            ..self.subject_in(bucket).await
        }
    }

    /// A fresh root in `bucket` with these capabilities instead of the ones that were found.
    pub(crate) async fn subject_with(&self, bucket: Bucket, capabilities: Capabilities) -> Subject {
        let endpoint = bucket.server.endpoint().to_owned();
        self.subject_at(bucket, capabilities, &endpoint).await
    }

    /// The same, spoken to at another endpoint: a proxy.
    pub(crate) async fn subject_at(
        &self,
        bucket: Bucket,
        capabilities: Capabilities,
        endpoint: &str,
    ) -> Subject {
        let storage = bucket.open(Some(&capabilities), &[("endpoint", endpoint)]);
        let base = storage.root("").await.unwrap();
        base.create_folder(&FOLDER.parse().unwrap()).await.unwrap();
        let root = storage.root(FOLDER).await.unwrap();
        let again = bucket.clone();
        let (found, endpoint) = (capabilities.clone(), endpoint.to_owned());
        let reopen = move || {
            let (bucket, found, endpoint) = (again.clone(), found.clone(), endpoint.clone());
            Box::pin(async move {
                let storage = bucket.open(Some(&found), &[("endpoint", &endpoint)]);
                storage.root(FOLDER).await.unwrap()
            }) as BoxFuture<_>
        };
        Subject {
            outsider: Some(Box::new(OtherClient::new(&bucket))),
            place: Some(Place {
                storage,
                path: FOLDER.to_owned(),
            }),
            parts_from: Some(PARTS_FROM),
            flat: !capabilities.empty_folders,
            proof: Proof::of("s3", || bucket.server.version()),
            ..Subject::new(root, Box::new(reopen), bucket.server)
        }
    }
}

/// A bucket on a server.
#[derive(Clone)]
pub(crate) struct Bucket {
    pub(crate) server: Arc<S3Server>,
    pub(crate) name: String,
}

impl Bucket {
    /// The bucket as a storage, with further settings.
    pub(crate) fn open(
        &self,
        probed: Option<&Capabilities>,
        more: &[(&str, &str)],
    ) -> Arc<dyn Storage> {
        self.open_with(self.server.secret_key(), probed, more)
            .unwrap()
    }

    /// The same with another secret.
    pub(crate) fn open_with(
        &self,
        secret: &str,
        probed: Option<&Capabilities>,
        more: &[(&str, &str)],
    ) -> tandem_core::error::Result<Arc<dyn Storage>> {
        let mut config = BTreeMap::from(
            [
                ("endpoint", self.server.endpoint()),
                ("region", self.server.region()),
                ("bucket", &self.name),
                ("multipart_threshold", &PARTS_FROM.to_string()),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        config.extend(more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let credentials = [
            ("access_key_id", self.server.access_key()),
            ("secret_access_key", secret),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
        s3().open(
            &Config(config),
            &Credentials(BTreeMap::from(credentials)),
            probed,
            real_time(),
        )
    }

    /// The root under test, with a secret that is not the key's.
    pub(crate) fn expired(&self, found: Capabilities) -> Opener {
        let bucket = self.clone();
        Box::new(move || {
            let storage = bucket.open_with("not the secret", Some(&found), &[]);
            let storage = storage.unwrap();
            Box::pin(async move { storage.root(FOLDER).await.unwrap() }) as BoxFuture<_>
        })
    }

    /// The SDK's own client.
    pub(crate) fn client(&self) -> Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(self.server.region().to_owned()))
            .endpoint_url(self.server.endpoint())
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .credentials_provider(Keys::new(
                self.server.access_key(),
                self.server.secret_key(),
                None,
                None,
                "test",
            ))
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        Client::from_conf(config.build())
    }

    /// Makes the bucket keep versions.
    pub(crate) async fn keep_versions(&self) {
        let enabled = VersioningConfiguration::builder()
            .status(BucketVersioningStatus::Enabled)
            .build();
        let put = self.client().put_bucket_versioning().bucket(&self.name);
        put.versioning_configuration(enabled).send().await.unwrap();
    }
}

/// The provider under test.
pub(crate) fn s3() -> Arc<dyn Provider> {
    let mut all = providers().into_iter();
    all.find(|provider| provider.descriptor().type_name == "s3")
        .unwrap()
}

/// Somebody else with the SDK's own client.
pub(crate) struct OtherClient {
    client: Client,
    bucket: String,
}

impl OtherClient {
    pub(crate) fn new(bucket: &Bucket) -> Self {
        Self {
            client: bucket.client(),
            bucket: bucket.name.clone(),
        }
    }
}

pub(crate) fn key(path: &str) -> String {
    format!("{FOLDER}/{path}")
}

#[async_trait]
impl Outsider for OtherClient {
    async fn put(&self, path: &str, bytes: &[u8]) -> Result<(), String> {
        let put = self.client.put_object().bucket(&self.bucket).key(key(path));
        let sent = put.body(bytes.to_vec().into()).send().await;
        sent.map(|_| ()).map_err(|error| format!("{error:?}"))
    }

    async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        let get = self.client.get_object().bucket(&self.bucket).key(key(path));
        match get.send().await {
            Ok(reply) => {
                let bytes = reply.body.collect().await;
                bytes
                    .map(|bytes| Some(bytes.to_vec()))
                    .map_err(|error| error.to_string())
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => Ok(None),
            Err(error) => Err(format!("{error:?}")),
        }
    }

    async fn remove(&self, path: &str) -> Result<(), String> {
        let delete = self
            .client
            .delete_object()
            .bucket(&self.bucket)
            .key(key(path));
        let sent = delete.send().await;
        sent.map(|_| ()).map_err(|error| format!("{error:?}"))
    }

    async fn list(&self) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        let list = self.client.list_objects_v2().bucket(&self.bucket);
        let mut pages = list.prefix(key("")).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| format!("{error:?}"))?;
            let keys = page.contents().iter().filter_map(|object| object.key());
            let below = keys.filter_map(|found| found.strip_prefix(&key("")));
            found.extend(
                below
                    .filter(|path| !path.is_empty() && !path.ends_with('/'))
                    .map(str::to_owned),
            );
        }
        Ok(found)
    }
}
