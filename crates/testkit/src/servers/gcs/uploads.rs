//! "Objects: insert": content in one request, with its resource, or over a session ("Uploads and downloads",
//! cloud.google.com/storage/docs/uploads-downloads; "Resumable uploads",
//! cloud.google.com/storage/docs/performing-resumable-uploads).

use bytes::{Bytes, BytesMut};
use serde_json::Value;

use super::conditions::Conditions;
use super::message::{Answer, Request, json};
use super::object::{Announced, Details, Object, check_name};
use super::refusal::Refusal;
use super::state::State;

/// What a session keeps of a request that is not the last: multiples of this.
const QUANTUM: usize = 256 << 10;

/// An upload that is under way.
#[derive(Debug)]
pub(super) struct Session {
    bucket: String,
    name: String,
    details: Details,
    announced: Announced,
    conditions: Conditions,
    kept: BytesMut,
    /// The answer to the last of it, which is given again.
    done: Option<Answer>,
}

/// Content with what is said about it.
struct Upload {
    bucket: String,
    name: String,
    content: Bytes,
    details: Details,
    announced: Announced,
    conditions: Conditions,
}

impl State {
    /// `POST /upload/storage/v1/b/BUCKET/o`.
    pub(super) fn upload(&mut self, request: &Request, bucket: &str) -> Result<Answer, Refusal> {
        self.bucket(bucket)?;
        match request.param("uploadType") {
            Some("media") => self.upload_media(request, bucket),
            Some("multipart") => self.upload_multipart(request, bucket),
            Some("resumable") => self.start_session(request, bucket),
            _ => Err(Refusal::invalid("Invalid upload type")),
        }
    }

    fn upload_media(&mut self, request: &Request, bucket: &str) -> Result<Answer, Refusal> {
        whole(request)?;
        let name = request.param("name").unwrap_or_default();
        let upload = Upload {
            bucket: bucket.to_owned(),
            name: name.to_owned(),
            content: request.body.clone(),
            details: Details::default().or_type(request.header("content-type")),
            announced: Announced::default().and_header(request.header("x-goog-hash")),
            conditions: Conditions::of(request)?,
        };
        self.finish(request, upload)
    }

    fn upload_multipart(&mut self, request: &Request, bucket: &str) -> Result<Answer, Refusal> {
        whole(request)?;
        let kind = request.header("content-type").unwrap_or_default();
        let [head, media] = halves(&request.body, kind)?;
        let resource = json(head.body)?;
        let mut details = Details::default();
        details.patch(&resource)?;
        let upload = Upload {
            bucket: bucket.to_owned(),
            name: name(request, &resource),
            content: Bytes::copy_from_slice(media.body),
            details: details.or_type(media.kind),
            announced: Announced::in_resource(&resource).and_header(request.header("x-goog-hash")),
            conditions: Conditions::of(request)?,
        };
        self.finish(request, upload)
    }

    fn start_session(&mut self, request: &Request, bucket: &str) -> Result<Answer, Refusal> {
        let resource = request.json()?;
        let name = name(request, &resource);
        check_name(&name)?;
        let mut details = Details::default();
        details.patch(&resource)?;
        let session = Session {
            bucket: bucket.to_owned(),
            name,
            details: details.or_type(request.header("x-upload-content-type")),
            announced: Announced::in_resource(&resource),
            conditions: Conditions::of(request)?,
            kept: BytesMut::new(),
            done: None,
        };
        self.started += 1;
        let id = format!("session-{}", self.started);
        let place = format!(
            "{}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={id}",
            request.origin()
        );
        let answer = Answer::empty(200)
            .with("location", &place)
            .with("x-guploader-uploadid", &id);
        self.sessions.insert(id, session);
        Ok(answer)
    }

    /// `PUT` to the session's address, which is all that is asked for: whoever knows it may send.
    pub(super) fn resume(&mut self, request: &Request) -> Result<Answer, Refusal> {
        let id = request.param("upload_id").unwrap_or_default().to_owned();
        let gone = || Refusal::new(404, "notFound", "Not Found");
        let session = self.sessions.get_mut(&id).ok_or_else(gone)?;
        if let Some(answer) = &session.done {
            return Ok(answer.clone());
        }
        let range = Range::of(request)?;
        let Some(first) = range.first else {
            // A question, or the end of an upload whose length was not known before.
            if range.total == Some(session.kept.len()) {
                return self.complete(request, &id);
            }
            return Ok(session.progress(request));
        };
        session.take(request, &range, first)?;
        if !request.is_whole || range.total != Some(session.kept.len()) {
            return Ok(session.progress(request));
        }
        self.complete(request, &id)
    }

    /// `DELETE` to the session's address.
    pub(super) fn cancel(&mut self, request: &Request) -> Answer {
        let id = request.param("upload_id").unwrap_or_default();
        match self.sessions.remove(id) {
            // The status is the documented one.
            Some(_) => Answer::empty(499),
            None => Refusal::new(404, "notFound", "Not Found").answer(request),
        }
    }

    fn complete(&mut self, request: &Request, id: &str) -> Result<Answer, Refusal> {
        let Some(mut session) = self.sessions.remove(id) else {
            return Err(Refusal::new(404, "notFound", "Not Found"));
        };
        let upload = Upload {
            bucket: session.bucket.clone(),
            name: session.name.clone(),
            content: session.kept.split().freeze(),
            details: session.details.clone(),
            announced: session
                .announced
                .clone()
                .and_header(request.header("x-goog-hash")),
            conditions: session.conditions,
        };
        // What fails at its end is no longer there to be gone on with.
        let answer = self.finish(request, upload)?;
        session.done = Some(answer.clone());
        self.sessions.insert(id.to_owned(), session);
        Ok(answer)
    }

    fn finish(&mut self, request: &Request, upload: Upload) -> Result<Answer, Refusal> {
        check_name(&upload.name)?;
        let bucket = self.bucket_mut(&upload.bucket)?;
        let object = Object::new(&upload.name, upload.content, upload.details);
        object.check(&upload.announced)?;
        upload.conditions.check(bucket.find(&upload.name, None))?;
        let object = bucket.insert(object);
        let resource = object.resource(&request.origin(), &upload.bucket);
        Ok(Answer::json(200, &resource))
    }
}

impl Session {
    /// How much of it is there. A session that has nothing has no `Range`. Clients whose HTTP takes every 308 for a
    /// redirect ask for another status (google-api-go-client, internal/gensupport/resumable.go).
    fn progress(&self, request: &Request) -> Answer {
        let answer = if request.header("x-guploader-no-308") == Some("yes") {
            Answer::empty(200).with("x-http-status-code-override", "308")
        } else {
            Answer::empty(308)
        };
        match self.kept.len() {
            0 => answer,
            len => answer.with("range", &format!("bytes=0-{}", len - 1)),
        }
    }

    /// Takes what a request brought, in so far as it is new and can be kept.
    fn take(&mut self, request: &Request, range: &Range, first: usize) -> Result<(), Refusal> {
        let kept = self.kept.len();
        if first > kept {
            // As the service words it (googleapis/google-cloud-go#3173).
            return Err(Refusal::new(
                503,
                "backendError",
                &format!(
                    "Invalid request. According to the Content-Range header, the upload offset is {first} byte(s), \
                     which exceeds already uploaded size of {kept} byte(s)."
                ),
            ));
        }
        let body = &request.body;
        let is_last = range.total.is_some_and(|total| first + body.len() == total);
        if request.is_whole && !is_last && body.len() < QUANTUM {
            return Err(Refusal::invalid(&format!(
                "Invalid request. The number of bytes uploaded is required to be equal or greater than 262144, except \
                 for the final request (it's recommended to be the exact multiple of 262144). The received request \
                 contained {} bytes, which does not meet this requirement.",
                body.len()
            )));
        }
        let end = first + body.len();
        let end = if is_last { end } else { end - end % QUANTUM };
        if end > kept {
            self.kept
                .extend_from_slice(&body[kept - first..end - first]);
        }
        Ok(())
    }
}

/// `Content-Range` of a request to a session. Without one, the request brings all.
struct Range {
    /// Where its bytes begin; a request without bytes asks how much is there.
    first: Option<usize>,
    total: Option<usize>,
}

impl Range {
    fn of(request: &Request) -> Result<Self, Refusal> {
        let Some(text) = request.header("content-range") else {
            let length = request.header("content-length");
            return Ok(Self {
                first: Some(0),
                total: length.and_then(|length| length.parse().ok()),
            });
        };
        let refused = || Refusal::invalid("Failed to parse Content-Range header.");
        let rest = text.strip_prefix("bytes ").ok_or_else(refused)?;
        let (range, total) = rest.split_once('/').ok_or_else(refused)?;
        let total = match total {
            "*" => None,
            number => Some(number.parse().map_err(|_| refused())?),
        };
        if range == "*" {
            return Ok(Self { first: None, total });
        }
        let (first, last) = range.split_once('-').ok_or_else(refused)?;
        let first: usize = first.parse().map_err(|_| refused())?;
        let last: usize = last.parse().map_err(|_| refused())?;
        if request.is_whole && last + 1 != first + request.body.len() {
            return Err(refused());
        }
        Ok(Self {
            first: Some(first),
            total,
        })
    }
}

/// A part of a `multipart/related` body (RFC 2387).
struct Part<'a> {
    kind: Option<&'a str>,
    body: &'a [u8],
}

/// The resource and the content.
fn halves<'a>(body: &'a [u8], kind: &str) -> Result<[Part<'a>; 2], Refusal> {
    let malformed = || Refusal::invalid("Malformed multipart body.");
    let boundary = kind.split("boundary=").nth(1).ok_or_else(malformed)?;
    let boundary = boundary.split(';').next().unwrap_or_default().trim();
    let mark = format!("--{}", boundary.trim_matches(['"', '\'']));
    let mark = mark.as_bytes();
    let start = find(body, mark).ok_or_else(malformed)? + mark.len();
    let between = [b"\r\n", mark].concat();
    let first = find(&body[start..], &between).ok_or_else(malformed)? + start;
    let second = first + between.len();
    // The content may hold anything; the mark after it is the last one.
    let end = rfind(&body[second..], &between).ok_or_else(malformed)? + second;
    if !body[end + between.len()..].starts_with(b"--") {
        return Err(malformed());
    }
    Ok([part(&body[start..first])?, part(&body[second..end])?])
}

fn part(text: &[u8]) -> Result<Part<'_>, Refusal> {
    let malformed = || Refusal::invalid("Malformed multipart body.");
    let head = find(text, b"\r\n\r\n").ok_or_else(malformed)?;
    let lines = std::str::from_utf8(&text[..head]).map_err(|_| malformed())?;
    let kind = lines.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-type")
            .then_some(value.trim())
    });
    Ok(Part {
        kind,
        body: &text[head + 4..],
    })
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn rfind(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).rposition(|window| window == what)
}

fn name(request: &Request, resource: &Value) -> String {
    let said = request.param("name").or_else(|| resource["name"].as_str());
    said.unwrap_or_default().to_owned()
}

/// An upload in one request that broke off leaves nothing.
fn whole(request: &Request) -> Result<(), Refusal> {
    if request.is_whole {
        return Ok(());
    }
    Err(Refusal::new(400, "badRequest", "The request broke off."))
}
