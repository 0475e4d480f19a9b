//! A bucket in memory that does what S3 documents, but for the oddities that a test gives it: ETags that are another
//! each time, as with keys of KMS; conditions that refuse everything; errors, and other writers, in between.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use crate::scripted::{Answer, Heard, Scripted};

/// What a PUT sets and a HEAD shows, besides `x-amz-meta-...`.
const KEPT_HEADERS: [&str; 7] = [
    "cache-control",
    "content-disposition",
    "content-language",
    "content-type",
    "expires",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
];

type Headers = BTreeMap<String, String>;

#[derive(Clone)]
pub(crate) struct Object {
    pub(crate) bytes: String,
    pub(crate) tag: String,
    pub(crate) headers: Headers,
}

#[derive(Default)]
struct Upload {
    headers: Headers,
    parts: BTreeMap<u32, String>,
}

/// What happens around a request.
type Happening = Box<dyn FnMut(&mut Store, &Heard) -> Option<Answer> + Send>;

#[derive(Default)]
pub(crate) struct Store {
    pub(crate) objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, Upload>,
    count: u64,
    /// Heeds no condition, neither on what is replaced nor on what is copied.
    pub(crate) heeds_nothing: bool,
    /// Refuses each If-Match on a copy or the end of an upload, wrong or right.
    pub(crate) refuses_matches: bool,
    /// Copies nothing itself.
    pub(crate) cannot_copy: bool,
    before: Option<Happening>,
    after: Option<Happening>,
}

/// The bucket, and the server that shows it.
pub(crate) struct OddStore {
    store: Arc<Mutex<Store>>,
    pub(crate) server: Scripted,
}

impl OddStore {
    pub(crate) fn new() -> Self {
        let store = Arc::new(Mutex::new(Store::default()));
        let answering = Arc::clone(&store);
        let server = Scripted::hearing(move |heard| answering.lock().unwrap().hear(heard));
        Self { store, server }
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }
}

/// A request taken apart.
struct Request<'a> {
    method: &'a str,
    key: String,
    query: BTreeMap<String, String>,
    heard: &'a Heard,
}

impl<'a> Request<'a> {
    fn new(heard: &'a Heard) -> Self {
        let mut words = heard.line.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let text = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
        let key = path.strip_prefix("/bucket").unwrap();
        let query = query.split('&').map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (text(name), text(value))
        });
        Self {
            method,
            key: text(key.strip_prefix('/').unwrap_or(key)),
            query: query.collect(),
            heard,
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.heard.headers.get(name).map(String::as_str)
    }

    fn body(&self) -> String {
        String::from_utf8(self.heard.body.clone()).unwrap()
    }

    fn kept_headers(&self) -> Headers {
        let headers = self.heard.headers.iter();
        let kept = headers.filter(|(name, _)| {
            name.starts_with("x-amz-meta-") || KEPT_HEADERS.contains(&name.as_str())
        });
        kept.map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

fn error(status: u16, code: &str) -> Answer {
    let body = format!("<Error><Code>{code}</Code><Message>No.</Message></Error>");
    Answer(status, Vec::new(), body)
}

fn unquoted(tag: &str) -> &str {
    tag.trim_matches('"')
}

impl Store {
    /// Does `what` before the next request that begins so; an answer of its own takes the request's place.
    pub(crate) fn before(
        &mut self,
        beginning: &'static str,
        what: impl FnOnce(&mut Self) -> Option<Answer> + Send + 'static,
    ) {
        self.before = Some(once(beginning, what));
    }

    /// Does `what` after the next request that begins so, before it is answered.
    pub(crate) fn after(
        &mut self,
        beginning: &'static str,
        what: impl FnOnce(&mut Self) + Send + 'static,
    ) {
        self.after = Some(once(beginning, move |store: &mut Self| {
            what(store);
            None
        }));
    }

    /// Somebody else writes.
    pub(crate) fn put(&mut self, key: &str, bytes: &str, headers: &[(&str, &str)]) {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.insert(key, bytes.to_owned(), headers.collect());
    }

    fn insert(&mut self, key: &str, bytes: String, headers: Headers) -> String {
        self.count += 1;
        // As long as an MD5, and never one.
        let tag = format!("{:032x}", self.count);
        let object = Object {
            bytes,
            tag: tag.clone(),
            headers,
        };
        self.objects.insert(key.to_owned(), object);
        tag
    }

    fn hear(&mut self, heard: &Heard) -> Answer {
        if let Some(mut before) = self.before.take() {
            let instead = before(self, heard);
            self.before.get_or_insert(before);
            if let Some(answer) = instead {
                return answer;
            }
        }
        let answer = self.answer(&Request::new(heard));
        if let Some(mut after) = self.after.take() {
            after(self, heard);
            self.after.get_or_insert(after);
        }
        answer
    }

    fn answer(&mut self, request: &Request<'_>) -> Answer {
        let has = |name: &str| request.query.contains_key(name);
        match request.method {
            "GET" if request.key.is_empty() && has("versioning") => {
                Answer::xml("<VersioningConfiguration></VersioningConfiguration>")
            }
            "GET" if request.key.is_empty() => self.list(request),
            "GET" | "HEAD" => self.read(request),
            "PUT" if has("partNumber") => self.take_part(request),
            "PUT" => self.write(request),
            "POST" if has("uploads") => self.begin(request),
            "POST" => self.finish(request),
            "DELETE" if has("uploadId") => {
                self.uploads.remove(&request.query["uploadId"]);
                Answer::empty(204)
            }
            "DELETE" => self.delete(request),
            other => panic!("{other}"),
        }
    }

    fn list(&self, request: &Request<'_>) -> Answer {
        let is_encoded = request.query.contains_key("encoding-type");
        let mut body = "<ListBucketResult><IsTruncated>false</IsTruncated>".to_owned();
        if is_encoded {
            body.push_str("<EncodingType>url</EncodingType>");
        }
        for (key, object) in &self.objects {
            if key.starts_with(&request.query["prefix"]) {
                let encoded = percent_encode(key.as_bytes(), NON_ALPHANUMERIC).to_string();
                let key = if is_encoded { &encoded } else { key };
                let (tag, size) = (&object.tag, object.bytes.len());
                body.push_str(&format!(
                    "<Contents><Key>{key}</Key><ETag>\"{tag}\"</ETag><Size>{size}</Size></Contents>"
                ));
            }
        }
        body.push_str("</ListBucketResult>");
        Answer::xml(&body)
    }

    fn read(&self, request: &Request<'_>) -> Answer {
        let Some(object) = self.objects.get(&request.key) else {
            return match request.method {
                "HEAD" => Answer::empty(404),
                _ => error(404, "NoSuchKey"),
            };
        };
        let len = object.bytes.len();
        let range = request.header("range").map(|text| {
            let (from, to) = text.trim_start_matches("bytes=").split_once('-').unwrap();
            (from.parse().unwrap(), to.parse::<usize>().unwrap() + 1)
        });
        let (from, to) = range.unwrap_or((0, len));
        let Answer(_, mut headers, _) = Answer::object((to - from) as u64, &object.tag);
        headers.push(("x-amz-server-side-encryption", "aws:kms".to_owned()));
        if range.is_some() {
            headers.push(("content-range", format!("bytes {from}-{}/{len}", to - 1)));
        }
        for (name, value) in &object.headers {
            let name: &'static str = name.clone().leak();
            headers.push((name, value.clone()));
        }
        let body = match request.method {
            "HEAD" => String::new(),
            _ => object.bytes[from..to].to_owned(),
        };
        Answer(if range.is_some() { 206 } else { 200 }, headers, body)
    }

    /// The refusal of what the conditions of a request do not admit.
    fn refusal(&self, request: &Request<'_>) -> Option<Answer> {
        if self.heeds_nothing {
            return None;
        }
        let there = self.objects.get(&request.key);
        let is_taken = request.header("if-none-match") == Some("*") && there.is_some();
        let is_other = request
            .header("if-match")
            .is_some_and(|tag| there.is_none_or(|there| there.tag != unquoted(tag)));
        (is_taken || is_other).then(|| error(412, "PreconditionFailed"))
    }

    fn refuses_match(&self, request: &Request<'_>) -> Option<Answer> {
        let refuses = self.refuses_matches && request.header("if-match").is_some();
        refuses.then(|| error(412, "PreconditionFailed"))
    }

    fn write(&mut self, request: &Request<'_>) -> Answer {
        if let Some(refusal) = self.refusal(request) {
            return refusal;
        }
        if request.header("x-amz-copy-source").is_some() {
            return self.copy(request);
        }
        let tag = self.insert(&request.key, request.body(), request.kept_headers());
        let headers = vec![
            ("etag", format!("\"{tag}\"")),
            ("x-amz-server-side-encryption", "aws:kms".to_owned()),
        ];
        Answer(200, headers, String::new())
    }

    /// What a copy is made of, if that is as it has to be.
    fn source(&self, request: &Request<'_>) -> Result<Object, Answer> {
        let from = request.header("x-amz-copy-source").unwrap();
        let from = percent_decode_str(from.strip_prefix("bucket/").unwrap());
        let source = self.objects.get(&*from.decode_utf8().unwrap());
        let source = source.ok_or_else(|| error(404, "NoSuchKey"))?;
        match request.header("x-amz-copy-source-if-match") {
            Some(tag) if unquoted(tag) != source.tag && !self.heeds_nothing => {
                Err(error(412, "PreconditionFailed"))
            }
            _ => Ok(source.clone()),
        }
    }

    fn copy(&mut self, request: &Request<'_>) -> Answer {
        if self.cannot_copy {
            return error(501, "NotImplemented");
        }
        if let Some(refusal) = self.refuses_match(request) {
            return refusal;
        }
        let source = match self.source(request) {
            Ok(source) => source,
            Err(refusal) => return refusal,
        };
        let headers = match request.header("x-amz-metadata-directive") {
            Some("REPLACE") => request.kept_headers(),
            _ => source.headers,
        };
        let tag = self.insert(&request.key, source.bytes, headers);
        Answer::xml(&format!(
            "<CopyObjectResult><ETag>\"{tag}\"</ETag></CopyObjectResult>"
        ))
    }

    fn begin(&mut self, request: &Request<'_>) -> Answer {
        self.count += 1;
        let id = format!("upload-{}", self.count);
        let upload = Upload {
            headers: request.kept_headers(),
            parts: BTreeMap::new(),
        };
        self.uploads.insert(id.clone(), upload);
        Answer::xml(&format!(
            "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
        ))
    }

    fn take_part(&mut self, request: &Request<'_>) -> Answer {
        let copied = request.header("x-amz-copy-source-range").map(|range| {
            let (from, to) = range.trim_start_matches("bytes=").split_once('-').unwrap();
            let source = self.source(request)?;
            let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
            Ok(source.bytes[from..=to].to_owned())
        });
        let bytes = match copied {
            Some(Err(refusal)) => return refusal,
            Some(Ok(bytes)) => bytes,
            None => request.body(),
        };
        let number = request.query["partNumber"].parse().unwrap();
        let upload = self.uploads.get_mut(&request.query["uploadId"]).unwrap();
        upload.parts.insert(number, bytes);
        let tag = ("etag", format!("\"part-{number}\""));
        let body = format!("<CopyPartResult><ETag>\"part-{number}\"</ETag></CopyPartResult>");
        let encrypted = ("x-amz-server-side-encryption", "aws:kms".to_owned());
        Answer(200, vec![tag, encrypted], body)
    }

    fn finish(&mut self, request: &Request<'_>) -> Answer {
        let refusal = self.refuses_match(request);
        if let Some(refusal) = refusal.or_else(|| self.refusal(request)) {
            return refusal;
        }
        let Some(upload) = self.uploads.remove(&request.query["uploadId"]) else {
            return error(404, "NoSuchUpload");
        };
        let bytes = upload.parts.into_values().collect();
        let tag = self.insert(&request.key, bytes, upload.headers);
        Answer::xml(&format!(
            "<CompleteMultipartUploadResult><ETag>\"{tag}\"</ETag></CompleteMultipartUploadResult>"
        ))
    }

    fn delete(&mut self, request: &Request<'_>) -> Answer {
        if let Some(refusal) = self.refusal(request) {
            return refusal;
        }
        self.objects.remove(&request.key);
        Answer::empty(204)
    }
}

fn once(
    beginning: &'static str,
    what: impl FnOnce(&mut Store) -> Option<Answer> + Send + 'static,
) -> Happening {
    let mut what = Some(what);
    Box::new(move |store, heard| {
        if !heard.line.starts_with(beginning) {
            return None;
        }
        what.take().and_then(|what| what(store))
    })
}
