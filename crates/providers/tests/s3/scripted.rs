//! S3 against answers that are made up: what no server at hand can be brought to say.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use tandem_core::capabilities::{Capabilities, Conditions};
use tandem_core::entry::{ContentHash, HashKind, Revision};
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::{Config, Credentials, Depth, Expected, Keep, Root, Storage, VersionKey};
use tandem_testkit::real_time::real_time;

use crate::bench::{s3, write};

/// An ETag that looks like an MD5 and is that of nothing here.
pub(crate) const OTHER_TAG: &str = "0123456789abcdef0123456789abcdef";

/// In the headers of an answer whose body never ends.
pub(crate) const STALLED: (&str, String) = ("x-stalled", String::new());

/// A status, headers and a body.
pub(crate) struct Answer(
    pub(crate) u16,
    pub(crate) Vec<(&'static str, String)>,
    pub(crate) String,
);

/// A request.
pub(crate) struct Heard {
    /// Its first line.
    pub(crate) line: String,
    /// By names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn empty(status: u16) -> Self {
        Self(status, Vec::new(), String::new())
    }

    pub(crate) fn xml(body: &str) -> Self {
        Self(200, Vec::new(), body.to_owned())
    }

    pub(crate) fn object(size: u64, tag: &str) -> Self {
        let headers = vec![
            ("content-length", size.to_string()),
            ("etag", format!("\"{tag}\"")),
            ("last-modified", "Fri, 20 Nov 2026 10:00:00 GMT".to_owned()),
        ];
        Self(200, headers, String::new())
    }

    fn send(self, mut client: TcpStream) -> std::io::Result<()> {
        let Self(status, headers, body) = self;
        let mut text = format!("HTTP/1.1 {status} Answer\r\nconnection: close\r\n");
        for (name, value) in &headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if headers.iter().all(|(name, _)| *name != "content-length") {
            text.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        client.write_all(format!("{text}\r\n{body}").as_bytes())?;
        // An answer that was cut short stays open until the other end has had enough of it.
        if headers.contains(&STALLED) {
            client.read_exact(&mut [0])?;
        }
        Ok(())
    }
}

/// Answers requests, and notes the first line of each.
pub(crate) struct Scripted {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    fn new(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self::hearing(move |heard| answer(&heard.line))
    }

    /// One that looks at the whole of a request.
    pub(crate) fn hearing(answer: impl Fn(&Heard) -> Answer + Send + Sync + 'static) -> Self {
        Self::writing(move |heard, client| answer(heard).send(client))
    }

    /// One that writes whatever it likes. That the other end closes is no fault here.
    pub(crate) fn writing(
        answer: impl Fn(&Heard, TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (noted, answer) = (Arc::clone(&heard), Arc::new(answer));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (noted, answer) = (Arc::clone(&noted), Arc::clone(&answer));
                std::thread::spawn(move || serve(client.unwrap(), &noted, &*answer));
            }
        });
        Self { address, heard }
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests there were.
    pub(crate) fn total(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    pub(crate) fn count(&self, beginning: &str) -> usize {
        let heard = self.heard.lock().unwrap();
        let fitting = heard.iter().filter(|line| line.starts_with(beginning));
        fitting.count()
    }

    pub(crate) async fn root(
        &self,
        capabilities: Capabilities,
        more: &[(&str, &str)],
    ) -> Arc<dyn Root> {
        let storage = self.open(Some(&capabilities), more);
        storage.root("").await.unwrap()
    }

    pub(crate) fn open(
        &self,
        probed: Option<&Capabilities>,
        more: &[(&str, &str)],
    ) -> Arc<dyn Storage> {
        let endpoint = format!("http://{}", self.address);
        let pairs = [("endpoint", &*endpoint), ("bucket", "bucket")];
        let pairs = pairs.iter().chain(more);
        let config = pairs.map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let keys = ["access_key_id", "secret_access_key"].map(|k| (k.to_owned(), "key".to_owned()));
        let credentials = Credentials(keys.into_iter().collect());
        s3().open(&Config(config.collect()), &credentials, probed, real_time())
            .unwrap()
    }
}

type Writing = dyn Fn(&Heard, TcpStream) -> std::io::Result<()>;

fn serve(client: TcpStream, noted: &Mutex<Vec<String>>, answer: &Writing) {
    let mut lines = BufReader::new(client.try_clone().unwrap());
    let (mut first, mut headers) = (String::new(), BTreeMap::new());
    if lines.read_line(&mut first).unwrap_or(0) == 0 {
        return;
    }
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length");
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    lines.read_exact(&mut body).unwrap();
    let line = first.trim_end().to_owned();
    noted.lock().unwrap().push(line.clone());
    let heard = Heard {
        line,
        headers,
        body,
    };
    let _ = answer(&heard, client);
}

pub(crate) fn can(conditions: Conditions) -> Capabilities {
    Capabilities {
        conditions,
        hashes: vec![HashKind::Md5],
        server_copy: true,
        versions: true,
        mtime: true,
        ranges: true,
        ..Capabilities::least()
    }
}

#[tokio::test]
async fn a_look_within_a_request_is_not_tried_again_by_itself() {
    let server =
        Scripted::new(|line| Answer::empty(if line.starts_with("HEAD") { 503 } else { 200 }));
    let root = server.root(can(Conditions::default()), &[]).await;
    let path = RelPath::new("file").unwrap();
    let made = write(&*root, &path, b"text", Expected::Absent).await;
    assert_eq!(made.unwrap_err().cause, Cause::RateLimited);
    assert_eq!(server.count("HEAD"), 5);
    assert_eq!(server.count("PUT"), 0);
}

#[tokio::test]
async fn the_history_of_one_key_ends_where_the_next_key_begins() {
    let page = "<ListVersionsResult><IsTruncated>true</IsTruncated>\
        <NextKeyMarker>file-2</NextKeyMarker><NextVersionIdMarker>v9</NextVersionIdMarker>\
        <Version><Key>file</Key><VersionId>v2</VersionId><IsLatest>true</IsLatest><ETag>\"b\"</ETag><Size>2</Size>\
        <LastModified>2026-11-20T10:00:01Z</LastModified></Version>\
        <Version><Key>file</Key><VersionId>v1</VersionId><IsLatest>false</IsLatest><ETag>\"a\"</ETag><Size>1</Size>\
        <LastModified>2026-11-20T10:00:00Z</LastModified></Version>\
        <Version><Key>file-2</Key><VersionId>v9</VersionId><IsLatest>true</IsLatest><ETag>\"c\"</ETag><Size>3</Size>\
        <LastModified>2026-11-20T10:00:00Z</LastModified></Version></ListVersionsResult>";
    let server = Scripted::new(move |line| {
        if line.contains("list-type") {
            Answer::xml("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
        } else if line.contains("versioning") {
            Answer::xml(
                "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
            )
        } else {
            Answer::xml(page)
        }
    });
    let root = server.root(can(Conditions::ALL), &[]).await;
    let path = RelPath::new("file").unwrap();
    let versions = root.versions(Some(&path)).await.unwrap();
    let id = "v1".into();
    assert_eq!(versions.len(), 1);
    assert_eq!(versions[0].key, VersionKey::Native { path, id });
    let asked = server.count("GET /bucket?versions") + server.count("GET /bucket/?versions");
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn the_etag_of_what_kms_encrypted_is_no_hash() {
    let server = Scripted::new(|line| {
        assert!(line.starts_with("PUT"), "{line}");
        let headers = vec![
            ("etag", format!("\"{OTHER_TAG}\"")),
            ("x-amz-server-side-encryption", "aws:kms".to_owned()),
        ];
        Answer(200, headers, String::new())
    });
    let root = server.root(can(Conditions::ALL), &[]).await;
    let path = RelPath::new("file").unwrap();
    let made = write(&*root, &path, b"text", Expected::Absent).await;
    let entry = made.unwrap().entry;
    assert_eq!(entry.revision, Revision::Tag(OTHER_TAG.into()));
    let text_md5 = [
        0x1c, 0xb2, 0x51, 0xec, 0x0d, 0x56, 0x8d, 0xe6, 0xa9, 0x29, 0xb5, 0x20, 0xc4, 0xae, 0xd8,
        0xd1,
    ];
    let md5 = ContentHash {
        kind: HashKind::Md5,
        value: Box::new(text_md5),
    };
    assert_eq!(
        entry.hashes,
        [md5],
        "it was sent ahead and the store took it"
    );
}

/// A store that decides no race, tells no MD5 of what it copied, and no ETag of what it put together: what is at the
/// target then may be anybody's.
#[tokio::test]
async fn a_copy_in_parts_that_cannot_be_told_from_anothers_is_a_lost_race() {
    const SIZE: u64 = 6 << 20;
    let made = Arc::new(Mutex::new(false));
    let state = Arc::clone(&made);
    let server = Scripted::new(move |line| {
        let mut made = state.lock().unwrap();
        if line.starts_with("HEAD /bucket/source") {
            return Answer::object(SIZE, "source");
        }
        if line.starts_with("HEAD /bucket/target") {
            return if *made {
                Answer::object(SIZE, OTHER_TAG)
            } else {
                Answer::empty(404)
            };
        }
        if line.starts_with("POST /bucket/target?uploads") {
            return Answer::xml(
                "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
            );
        }
        if line.starts_with("PUT") {
            return Answer::xml("<CopyPartResult><ETag>\"part\"</ETag></CopyPartResult>");
        }
        if line.starts_with("POST") {
            *made = true;
            return Answer::xml(
                "<CompleteMultipartUploadResult><Key>target</Key></CompleteMultipartUploadResult>",
            );
        }
        if line.starts_with("DELETE") {
            return Answer::empty(204);
        }
        Answer::xml("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
    });
    let largest = (5 << 20).to_string();
    let root = server
        .root(can(Conditions::default()), &[("largest_copy", &largest)])
        .await;
    let from = RelPath::new("source").unwrap().into();
    let expected = Expected::Revision(Revision::Tag("source".into()));
    let to = RelPath::new("target").unwrap();
    let copied = root
        .copy(&from, &expected, &to, &Expected::Absent, &Keep::No)
        .await;
    assert_eq!(copied.unwrap_err().cause, Cause::PreconditionFailed);
    assert!(server.count("PUT") > 1);
}

/// A store that tells no ETag of what it took, and then has something else of the same size there.
fn another_text(stalled: bool) -> Scripted {
    Scripted::new(move |line| {
        if line.starts_with("PUT") {
            return Answer::empty(200);
        }
        let Answer(status, mut headers, _) = Answer::object(4, "tag");
        if line.starts_with("HEAD") {
            return Answer(status, headers, String::new());
        }
        if stalled {
            headers.push(STALLED);
        }
        let body = if stalled { "" } else { "else" };
        Answer(status, headers, body.to_owned())
    })
}

#[tokio::test]
async fn what_another_wrote_right_after_is_not_taken_for_ours_for_its_size() {
    let server = another_text(false);
    let root = server.root(can(Conditions::ALL), &[]).await;
    let path = RelPath::new("file").unwrap();
    let made = write(&*root, &path, b"text", Expected::Absent).await;
    assert_eq!(made.unwrap_err().cause, Cause::PreconditionFailed);
    let made = write(&*root, &path, b"else", Expected::Absent).await;
    assert_eq!(made.unwrap().entry.revision, Revision::Tag("tag".into()));
}

#[tokio::test]
async fn a_look_at_content_that_stalls_ends_with_the_storage() {
    let server = another_text(true);
    let storage = server.open(Some(&can(Conditions::ALL)), &[]);
    let root = storage.root("").await.unwrap();
    let path = RelPath::new("file").unwrap();
    let writing = write(&*root, &path, b"text", Expected::Absent);
    let closing = async {
        while server.count("GET") == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        storage.shutdown().await;
    };
    let (made, ()) = futures_util::future::join(writing, closing).await;
    assert_eq!(made.unwrap_err().cause, Cause::Cancelled);
}

#[tokio::test]
async fn what_arrived_changed_does_not_stay_under_a_new_name() {
    let deleted = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&deleted);
    let server = Scripted::hearing(move |heard| {
        if heard.line.starts_with("DELETE") {
            *noted.lock().unwrap() = heard.headers.get("if-match").cloned();
            return Answer::empty(204);
        }
        Answer(
            200,
            vec![("etag", format!("\"{OTHER_TAG}\""))],
            String::new(),
        )
    });
    let root = server.root(can(Conditions::ALL), &[]).await;
    let path = RelPath::new("file").unwrap();
    let made = write(&*root, &path, b"text", Expected::Absent).await;
    assert_eq!(made.unwrap_err().cause, Cause::HashMismatch);
    let theirs = format!("\"{OTHER_TAG}\"");
    assert_eq!(deleted.lock().unwrap().as_deref(), Some(&*theirs));
}

/// Answers to what is asked of a bucket with versions: what a listing and what a history says.
fn history(
    listing: &'static str,
    page: impl Fn(&str) -> String + Send + Sync + 'static,
) -> Scripted {
    Scripted::new(move |line| {
        if line.contains("list-type") {
            Answer::xml(listing)
        } else if line.contains("versioning") {
            Answer::xml(
                "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
            )
        } else {
            Answer::xml(&page(line))
        }
    })
}

const NOTHING: &str = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";

/// What it does not show is not absent (P10).
#[tokio::test]
async fn a_listing_that_ends_in_the_middle_is_none() {
    for token in ["", "<NextContinuationToken></NextContinuationToken>"] {
        let shown = "<Contents><Key>a</Key><Size>1</Size></Contents>";
        let page = format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated>{token}{shown}</ListBucketResult>"
        );
        let server = Scripted::new(move |_| Answer::xml(&page));
        let root = server.root(can(Conditions::ALL), &[]).await;
        for depth in [Depth::Children, Depth::Subtree] {
            let listed: Vec<_> = root.list(&RelPath::root(), depth).collect().await;
            let last = listed.into_iter().last().unwrap();
            let error = last.expect_err("a part of a folder passed for all of it");
            assert_eq!(error.cause, Cause::BadResponse, "{error}");
        }
    }
}

#[tokio::test]
async fn a_history_that_ends_in_the_middle_is_none() {
    let server = history(NOTHING, |_| {
        "<ListVersionsResult><IsTruncated>true</IsTruncated></ListVersionsResult>".to_owned()
    });
    let root = server.root(can(Conditions::ALL), &[]).await;
    let versions = root.versions(None).await;
    assert_eq!(versions.unwrap_err().cause, Cause::BadResponse);
}

#[tokio::test]
async fn a_history_that_runs_in_circles_is_none() {
    let server = history(NOTHING, |line| {
        let next = if line.contains("key-marker=a") {
            "b"
        } else {
            "a"
        };
        format!(
            "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>{next}</NextKeyMarker>\
             </ListVersionsResult>"
        )
    });
    let root = server.root(can(Conditions::ALL), &[]).await;
    let versions = root.versions(None).await;
    assert_eq!(versions.unwrap_err().cause, Cause::BadResponse);
}

#[tokio::test]
async fn a_key_that_was_not_asked_for_is_no_version() {
    let short = "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>x</Key><Size>1</Size></Contents>\
        </ListBucketResult>";
    let server = history(short, |_| String::new());
    let root = server.root(can(Conditions::ALL), &[]).await;
    let versions = root.versions(None).await;
    assert_eq!(versions.unwrap_err().cause, Cause::BadResponse);
}
