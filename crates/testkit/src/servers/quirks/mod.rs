//! A proxy before an S3 server that gives it the quirks of services which cannot run here. Everything else is the
//! server's, so what a client makes of a quirk is seen on real objects.
//!
//! A changed header breaks the signature over it, so the server behind must be one that does not check signatures: moto.

mod tags;
mod target;

use std::collections::BTreeMap;
use std::io::{self, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tags::Tags;
use target::{Action, Target};

use super::message::Message;

/// What a service does differently, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quirk {
    /// The ETag of an upload in parts is drawn by chance and says nothing about its content (IBM COS; R2 until 2023).
    RandomMultipartTags,
    /// If-Match holds only for an ETag without quotes, and is not heeded by copies, deletes and the ends of uploads (Ceph
    /// RGW 16, as measured; Spaces and Linode are made of Ceph).
    BareTagsOnly,
    /// A write with a condition is answered 501 (Swift's s3api, as measured).
    NoConditions,
    /// Conditions of writes are not heeded (Garage 2.5, as measured).
    IgnoredConditions,
    /// Content is taken only with a Content-MD5 (buckets with object lock: "PutObject", S3 API Reference).
    NeedsContentMd5,
    /// A second write to one key within a second is answered 429 ("Limits", Cloudflare R2).
    OneWriteASecond,
    /// Every seventh request is answered 503 SlowDown ("Performance design patterns", S3 User Guide).
    SlowDown,
    /// An upload whose parts but the last differ in size cannot be finished ("Multipart upload", Cloudflare R2).
    EqualParts,
    /// An upload has at most so many parts ("Managing multipart uploads", Scaleway: 1,000).
    MostParts(u32),
    /// A listing cannot be continued: what comes after the first page is the first page again (Spaces says of itself that
    /// it does not support the pagination of list-objects-v2, "Spaces Limits").
    FirstPageAgain,
    /// A listing ends with its first page and says that it is complete.
    OnePageOnly,
}

/// The headers that make a write conditional.
const CONDITIONS: [&str; 2] = ["if-match", "if-none-match"];

/// Forwards to a server.
#[derive(Debug)]
pub struct QuirkProxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    quirks: Vec<Quirk>,
    /// How often a quirk showed.
    met: BTreeMap<Quirk, usize>,
    tags: Tags,
    requests: usize,
    /// When a key was last written.
    written: BTreeMap<String, Instant>,
    /// The sizes of an upload's parts by their numbers.
    parts: BTreeMap<String, BTreeMap<u32, usize>>,
}

impl QuirkProxy {
    /// One before the server at `endpoint`, with these quirks.
    pub fn before(endpoint: &str, quirks: &[Quirk]) -> io::Result<Self> {
        let server = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State {
            quirks: quirks.to_vec(),
            ..State::default()
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (server, shared) = (server.clone(), Arc::clone(&shared));
                // A connection that breaks is the client's to notice.
                std::thread::spawn(move || serve(&client, &server, &shared));
            }
        });
        Ok(Self { address, state })
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often a quirk showed: a test in which it never did proves nothing.
    pub fn met(&self, quirk: Quirk) -> usize {
        let met = lock(&self.state).met.get(&quirk).copied();
        met.unwrap_or_default()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(client: &TcpStream, server: &str, state: &Mutex<State>) -> io::Result<()> {
    let Some(mut request) = Message::read_request(&mut BufReader::new(client))? else {
        return Ok(());
    };
    let target = Target::new(&request);
    // Apart, so that the lock is not held while the server works.
    let refused = lock(state).before(&mut request, &target);
    let mut answer = match refused {
        Some(refusal) => refusal,
        None => forward(&request, &target, server)?,
    };
    lock(state).after(&mut answer, &target);
    answer.write(&mut &*client, target.method != "HEAD")
}

fn forward(request: &Message, target: &Target, server: &str) -> io::Result<Message> {
    let mut connection = TcpStream::connect(server)?;
    request.write(&mut connection, true)?;
    Message::read_answer(&mut BufReader::new(connection), &target.method)
}

impl State {
    fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    fn note(&mut self, quirk: Quirk) {
        *self.met.entry(quirk).or_default() += 1;
    }

    fn refuse(&mut self, quirk: Quirk, status: u16, code: &str, message: &str) -> Option<Message> {
        self.note(quirk);
        Some(Message::refusal(status, code, message))
    }

    /// What the quirks make of a request; an answer if it does not get to the server.
    fn before(&mut self, request: &mut Message, target: &Target) -> Option<Message> {
        self.requests += 1;
        if self.has(Quirk::SlowDown) && self.requests.is_multiple_of(7) {
            return self.refuse(
                Quirk::SlowDown,
                503,
                "SlowDown",
                "Please reduce your request rate.",
            );
        }
        if self.has(Quirk::OneWriteASecond) && target.action.changes_object() {
            let last = self.written.get(&target.path);
            if last.is_some_and(|last| last.elapsed() < Duration::from_secs(1)) {
                return self.refuse(
                    Quirk::OneWriteASecond,
                    429,
                    "TooManyRequests",
                    "Reduce your concurrent request rate for the same object.",
                );
            }
        }
        if self.has(Quirk::RandomMultipartTags) {
            self.tags.ask(request, target);
        }
        self.parts_before(request, target)
            .or_else(|| self.md5_before(request, target))
            .or_else(|| self.conditions_before(request, target))
            .or_else(|| self.listing_before(request, target))
    }

    fn conditions_before(&mut self, request: &mut Message, target: &Target) -> Option<Message> {
        if !target.action.changes_object() {
            return None;
        }
        let is_conditional = CONDITIONS
            .iter()
            .any(|header| request.header(header).is_some());
        if self.has(Quirk::NoConditions) && is_conditional {
            let message = "A header you provided implies functionality that is not implemented.";
            return self.refuse(Quirk::NoConditions, 501, "NotImplemented", message);
        }
        if self.has(Quirk::IgnoredConditions) && is_conditional {
            self.note(Quirk::IgnoredConditions);
            for header in CONDITIONS {
                request.remove(header);
            }
        }
        if self.has(Quirk::BareTagsOnly) && is_conditional {
            self.note(Quirk::BareTagsOnly);
            if target.action != Action::Put {
                for header in CONDITIONS {
                    request.remove(header);
                }
            } else if let Some(tag) = request.remove("if-match") {
                if tag.starts_with('"') {
                    let message = "At least one of the preconditions you specified did not hold";
                    return Some(Message::refusal(412, "PreconditionFailed", message));
                }
                request.set("if-match", &format!("\"{tag}\""));
            }
        }
        None
    }

    fn md5_before(&mut self, request: &Message, target: &Target) -> Option<Message> {
        let has_content = matches!(target.action, Action::Put | Action::Part)
            && request.header("x-amz-copy-source").is_none();
        if !self.has(Quirk::NeedsContentMd5)
            || !has_content
            || request.header("content-md5").is_some()
        {
            return None;
        }
        let message = "Content-MD5 HTTP header is required for Put Object requests with Object Lock parameters";
        self.refuse(Quirk::NeedsContentMd5, 400, "InvalidRequest", message)
    }

    fn parts_before(&mut self, request: &Message, target: &Target) -> Option<Message> {
        let upload = target.query.get("uploadId")?;
        if target.action == Action::Part {
            let number = target.query.get("partNumber")?.parse().ok()?;
            let most = self.quirks.iter().find_map(|quirk| match quirk {
                Quirk::MostParts(most) => Some(*most),
                _ => None,
            });
            if let Some(most) = most.filter(|most| number > *most) {
                let message = format!("Part number must be an integer between 1 and {most}");
                return self.refuse(Quirk::MostParts(most), 400, "InvalidArgument", &message);
            }
            let parts = self.parts.entry(upload.clone()).or_default();
            parts.insert(number, size_of_part(request));
            return None;
        }
        if target.action == Action::Finish && self.has(Quirk::EqualParts) {
            let sizes: Vec<usize> = self.parts.get(upload)?.values().copied().collect();
            let (last, others) = sizes.split_last()?;
            if others.iter().any(|size| size != &others[0])
                || others.first() < Some(last) && !others.is_empty()
            {
                let message = "All non-trailing parts must have the same length.";
                return self.refuse(Quirk::EqualParts, 400, "InvalidPart", message);
            }
            self.note(Quirk::EqualParts);
        }
        None
    }

    fn listing_before(&mut self, request: &mut Message, target: &Target) -> Option<Message> {
        let is_continued = target.query.contains_key("continuation-token");
        if target.action == Action::List && is_continued && self.has(Quirk::FirstPageAgain) {
            self.note(Quirk::FirstPageAgain);
            let mut words = request.start.split(' ');
            let (method, address) = (words.next()?, words.next()?);
            let (path, query) = address.split_once('?')?;
            let query: Vec<_> = query
                .split('&')
                .filter(|pair| !pair.starts_with("continuation-token="))
                .collect();
            request.start = format!("{method} {path}?{} HTTP/1.1", query.join("&"));
        }
        None
    }

    /// What the quirks make of an answer.
    fn after(&mut self, answer: &mut Message, target: &Target) {
        let is_done = (200..300).contains(&answer.status());
        if target.action.changes_object() && is_done {
            self.written.insert(target.path.clone(), Instant::now());
        }
        if self.has(Quirk::RandomMultipartTags) {
            for _ in 0..self.tags.show(answer, target) {
                self.note(Quirk::RandomMultipartTags);
            }
        }
        if self.has(Quirk::OnePageOnly) && target.action == Action::List && is_done {
            let body = String::from_utf8_lossy(&answer.body);
            let ended = body.replace(
                "<IsTruncated>true</IsTruncated>",
                "<IsTruncated>false</IsTruncated>",
            );
            if ended != body {
                self.note(Quirk::OnePageOnly);
                answer.replace_body(ended);
            }
        }
    }
}

/// The size of a part, whether it is sent or copied from a range.
fn size_of_part(request: &Message) -> usize {
    let range = request.header("x-amz-copy-source-range");
    let range = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let ends = range.and_then(|(first, last)| {
        let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
        Some(last + 1 - first)
    });
    ends.unwrap_or(request.body.len())
}
