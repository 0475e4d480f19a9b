//! What the server holds, and which request asks for what.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::accounts::Accounts;
use super::bucket::Bucket;
use super::conditions::Conditions;
use super::copying::{Copying, Rewrite};
use super::listing::list;
use super::message::{Answer, Request};
use super::moment::Moment;
use super::object::Object;
use super::refusal::Refusal;
use super::uploads::Session;
use crate::servers::faults::Script;

/// All of it.
#[derive(Debug)]
pub(super) struct State {
    pub(super) accounts: Accounts,
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) rewrites: BTreeMap<String, Rewrite>,
    /// How many sessions and copies were begun: their names.
    pub(super) started: u64,
    pub(super) script: Script<BTreeMap<String, Bucket>>,
    /// The requests so far, as method and target.
    pub(super) log: Vec<String>,
    /// The most items on a page of a listing.
    pub(super) page_limit: usize,
    /// The most bytes that one request copies.
    pub(super) rewrite_step: Option<i64>,
    /// Whether objects can be moved: an endpoint of an earlier date cannot.
    pub(super) moves: bool,
    /// How many bytes of content came in.
    pub(super) received: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            accounts: Accounts::default(),
            buckets: BTreeMap::new(),
            sessions: BTreeMap::new(),
            rewrites: BTreeMap::new(),
            started: 0,
            script: Script::default(),
            log: Vec::new(),
            page_limit: usize::MAX,
            rewrite_step: None,
            moves: true,
            received: 0,
        }
    }
}

impl State {
    pub(super) fn bucket(&self, name: &str) -> Result<&Bucket, Refusal> {
        self.buckets.get(name).ok_or_else(Refusal::no_bucket)
    }

    pub(super) fn bucket_mut(&mut self, name: &str) -> Result<&mut Bucket, Refusal> {
        self.buckets.get_mut(name).ok_or_else(Refusal::no_bucket)
    }

    /// Does what the request asks for.
    pub(super) fn answer(&mut self, request: &Request) -> Answer {
        if request.method == "POST" && request.path == ["token"] {
            return self.accounts.token(request, Moment::now());
        }
        let answered = self.route(request);
        answered.unwrap_or_else(|refusal| refusal.answer(request))
    }

    fn route(&mut self, request: &Request) -> Result<Answer, Refusal> {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        match (&*request.method, &*path) {
            // Google's client for Go sends to a session by POST.
            ("PUT" | "POST", ["upload", "storage", "v1", "b", _, "o"]) if request.has_session() => {
                self.resume(request)
            }
            ("POST", ["upload", "storage", "v1", "b", bucket, "o"]) => {
                self.allow(request, "storage.objects.create")?;
                if self.replaces(request, bucket) {
                    self.allow(request, "storage.objects.delete")?;
                }
                self.upload(request, bucket)
            }
            ("DELETE", ["upload", "storage", "v1", "b", _, "o"]) => Ok(self.cancel(request)),
            ("GET", ["download", "storage", "v1", "b", bucket, "o", name]) => {
                self.get(request, bucket, name)
            }
            (method, ["storage", "v1", "b"]) => self.buckets(request, method),
            (method, ["storage", "v1", "b", bucket]) => self.one_bucket(request, method, bucket),
            ("GET", ["storage", "v1", "b", bucket, "o"]) => {
                self.allow(request, "storage.objects.list")?;
                list(self.bucket(bucket)?, request, self.page_limit)
            }
            (method, ["storage", "v1", "b", bucket, "o", name]) => {
                self.one_object(request, method, bucket, name)
            }
            ("POST", ["storage", "v1", "b", bucket, "o", name, "restore"]) => {
                self.allow(request, "storage.objects.restore")?;
                self.restore(request, bucket, name)
            }
            ("POST", ["storage", "v1", "b", from, "o", name, "moveTo", "o", new]) => {
                self.allow(request, "storage.objects.delete")?;
                self.allow(request, "storage.objects.create")?;
                let to = (*from, *new);
                self.move_to(
                    request,
                    Copying {
                        from: (from, name),
                        to,
                    },
                )
            }
            (
                "POST",
                [
                    "storage",
                    "v1",
                    "b",
                    from,
                    "o",
                    name,
                    verb,
                    "b",
                    to,
                    "o",
                    new,
                ],
            ) => {
                self.allow(request, "storage.objects.get")?;
                self.allow(request, "storage.objects.create")?;
                let (from, to) = ((*from, *name), (*to, *new));
                match *verb {
                    "rewriteTo" => self.rewrite(request, Copying { from, to }),
                    "copyTo" => self.copy_to(request, Copying { from, to }),
                    _ => Err(Refusal::new(404, "notFound", "Not Found")),
                }
            }
            _ => Err(Refusal::new(404, "notFound", "Not Found")),
        }
    }

    fn allow(&self, request: &Request, permission: &str) -> Result<(), Refusal> {
        self.accounts.check(request, permission, Moment::now())
    }

    /// Whether an upload in one request goes where something is: that takes the right to delete it.
    fn replaces(&self, request: &Request, bucket: &str) -> bool {
        let name = request.param("name").unwrap_or_default();
        let found = self.buckets.get(bucket);
        found.is_some_and(|bucket| bucket.live.contains_key(name))
    }

    fn buckets(&mut self, request: &Request, method: &str) -> Result<Answer, Refusal> {
        let origin = request.origin();
        match method {
            "GET" => {
                self.allow(request, "storage.buckets.list")?;
                let all = self.buckets.values();
                let items: Vec<_> = all.map(|bucket| bucket.resource(&origin)).collect();
                let all = json!({"kind": "storage#buckets", "items": items});
                Ok(Answer::json(200, &all))
            }
            "POST" => {
                self.allow(request, "storage.buckets.create")?;
                let resource = request.json()?;
                let name = resource["name"].as_str().unwrap_or_default();
                if self.buckets.contains_key(name) {
                    let message = "Your previous request to create the named bucket succeeded and you already own it.";
                    return Err(Refusal::new(409, "conflict", message));
                }
                let mut bucket = Bucket::new(name);
                bucket.patch(&resource);
                let answer = Answer::json(200, &bucket.resource(&origin));
                self.buckets.insert(name.to_owned(), bucket);
                Ok(answer)
            }
            _ => Err(not_allowed()),
        }
    }

    fn one_bucket(
        &mut self,
        request: &Request,
        method: &str,
        name: &str,
    ) -> Result<Answer, Refusal> {
        let origin = request.origin();
        match method {
            "GET" => {
                self.allow(request, "storage.buckets.get")?;
                Ok(Answer::json(200, &self.bucket(name)?.resource(&origin)))
            }
            "PATCH" => {
                self.allow(request, "storage.buckets.update")?;
                let resource = request.json()?;
                let bucket = self.bucket_mut(name)?;
                bucket.patch(&resource);
                Ok(Answer::json(200, &bucket.resource(&origin)))
            }
            "DELETE" => {
                self.allow(request, "storage.buckets.delete")?;
                let bucket = self.bucket(name)?;
                if !bucket.live.is_empty() || !bucket.noncurrent.is_empty() {
                    let message = "The bucket you tried to delete is not empty.";
                    return Err(Refusal::new(409, "conflict", message));
                }
                self.buckets.remove(name);
                Ok(Answer::empty(204))
            }
            _ => Err(not_allowed()),
        }
    }

    fn one_object(
        &mut self,
        request: &Request,
        method: &str,
        bucket: &str,
        name: &str,
    ) -> Result<Answer, Refusal> {
        match method {
            "GET" => self.get(request, bucket, name),
            "PATCH" | "PUT" => {
                self.allow(request, "storage.objects.update")?;
                let resource = request.json()?;
                self.change(request, bucket, name, &resource)
            }
            "DELETE" => {
                self.allow(request, "storage.objects.delete")?;
                self.delete(request, bucket, name)
            }
            _ => Err(not_allowed()),
        }
    }

    fn get(&mut self, request: &Request, bucket: &str, name: &str) -> Result<Answer, Refusal> {
        self.allow(request, "storage.objects.get")?;
        let generation = request.number("generation")?;
        let object = self.bucket(bucket)?.get(name, generation)?;
        Conditions::of(request)?.check(Some(object))?;
        if request.param("alt") == Some("media") {
            return Ok(content(object, request.header("range")));
        }
        Ok(Answer::json(
            200,
            &object.resource(&request.origin(), bucket),
        ))
    }

    fn change(
        &mut self,
        request: &Request,
        bucket: &str,
        name: &str,
        resource: &Value,
    ) -> Result<Answer, Refusal> {
        let generation = request.number("generation")?;
        let conditions = Conditions::of(request)?;
        let object = self.bucket_mut(bucket)?.get_mut(name, generation)?;
        conditions.check(Some(object))?;
        let mut details = object.details.clone();
        if request.method == "PUT" {
            details = super::object::Details::default();
        }
        details.patch(resource)?;
        object.details = details;
        object.metageneration += 1;
        object.updated = Moment::now();
        let resource = object.resource(&request.origin(), bucket);
        Ok(Answer::json(200, &resource))
    }

    /// With a generation it is deleted for good; without one it becomes noncurrent where versions are kept.
    fn delete(&mut self, request: &Request, bucket: &str, name: &str) -> Result<Answer, Refusal> {
        let generation = request.number("generation")?;
        let conditions = Conditions::of(request)?;
        let bucket = self.bucket_mut(bucket)?;
        conditions.check(Some(bucket.get(name, generation)?))?;
        match generation {
            Some(generation) => bucket.erase(name, generation),
            None => bucket.retire(name),
        }
        Ok(Answer::empty(204))
    }
}

fn not_allowed() -> Refusal {
    Refusal::new(405, "methodNotAllowed", "Method Not Allowed")
}

/// An object's bytes, or those of a range ("Objects: get", `alt=media`; RFC 9110, section 14).
fn content(object: &Object, range: Option<&str>) -> Answer {
    let len = object.content.len();
    let asked = range.and_then(|range| asked(range, len));
    let (status, body) = match asked {
        None => (200, object.content.clone()),
        Some((first, last)) if first < len && first <= last => {
            (206, object.content.slice(first..last + 1))
        }
        Some(_) => {
            return Answer::of(416, "text/html; charset=UTF-8", Bytes::new())
                .with("content-range", &format!("bytes */{len}"));
        }
    };
    let mut answer = Answer::of(status, object.details.content_type(), body);
    if let (206, Some((first, last))) = (status, asked) {
        let range = format!("bytes {first}-{last}/{len}");
        answer = answer.with("content-range", &range);
    }
    answer
        .with("accept-ranges", "bytes")
        .with("etag", &object.etag())
        .with("x-goog-generation", &object.generation.to_string())
        .with("x-goog-metageneration", &object.metageneration.to_string())
        .with("x-goog-hash", &object.hash_header())
        .with("x-goog-stored-content-encoding", "identity")
        .with("x-goog-stored-content-length", &len.to_string())
}

/// First and last byte that a range names; nothing where it is none.
fn asked(range: &str, len: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let end = len.saturating_sub(1);
    if first.is_empty() {
        let count: usize = last.parse().ok()?;
        return Some((len.saturating_sub(count), end));
    }
    let last = match last {
        "" => end,
        number => number.parse::<usize>().ok()?.min(end),
    };
    Some((first.parse().ok()?, last))
}
