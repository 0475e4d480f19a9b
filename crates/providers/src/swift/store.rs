//! A container as an [`ObjectStore`].

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, RANGE};
use tandem_core::capabilities::{AtomicWrite, Capabilities, ListingConsistency, Parts};
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::removed;
use tandem_core::storage::Quota;

use super::client::{Account, Answer, Call, Carried, Target, path_of};
use super::cluster::Cluster;
use super::headers::{
    DELETE_AT, Form, described, etag_in, form, hashes, number, object, tag, tag_in, version,
    written,
};
use super::history::NO_VERSION;
use super::segments::{Begun, Named, Seen, newest};
use super::settings::{LIMITS, Settings};
use crate::body::{Prepared, Progress};
use crate::hashes::{hex, md5_of_hex};
use crate::objects::guard::Guard;
use crate::objects::metadata::TimeForm;
use crate::objects::object::{Headers, HistoryPage, Object, Page, Query, UserMetadata};
use crate::objects::parts::Upload;
use crate::objects::store::{
    Answered, Copy, Facts, Get, ListedPart, ObjectStore, Opened, Put, Stored,
};
use crate::rest;

/// Longest name of an object, in bytes (`max_object_name_length`, "Constraints", docs.openstack.org/swift).
const LONGEST_KEY: usize = 1_024;

/// The same in a container with versions. A version's own name is made of that of the object and of a time, and is bound by
/// the same constraint (swift/common/middleware/versioned_writes/object_versioning.py, `_build_versions_object_name`); and
/// what stands for the object names the version in its metadata, of which ext4 holds 4 KiB for a file: with 2.30.1 writes
/// failed from 980 bytes on.
const LONGEST_WITH_VERSIONS: u32 = 896;

/// Segments of one file that are on their way at once.
const PARTS_AT_ONCE: usize = 4;

/// A container.
#[derive(Debug)]
pub(super) struct SwiftStore {
    pub(super) account: Account,
    pub(super) facts: Facts,
    pub(super) seen: Seen,
    pub(super) cluster: OnceLock<Cluster>,
}

impl SwiftStore {
    pub(super) fn new(
        service: &'static str,
        settings: Settings,
        environment: SharedEnvironment,
    ) -> Result<Self> {
        let facts = Facts {
            service,
            word: "container",
            name: settings.container.clone(),
            prefix: settings.prefix.clone(),
            plain: settings.plain,
            longest_key: LONGEST_KEY,
            multipart_threshold: settings.multipart_threshold,
            part_size: settings.part_size,
            parts_at_once: PARTS_AT_ONCE,
            largest_copy: settings.largest_copy,
            limits: LIMITS,
            time_form: TimeForm::Decimal,
            sets_metadata: true,
            declared: declared(),
        };
        Ok(Self {
            account: Account::new(settings, environment)?,
            facts,
            seen: Seen::default(),
            cluster: OnceLock::new(),
        })
    }

    /// The object at `key`, or a version of it.
    pub(super) async fn look(
        &self,
        operation: &'static str,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<Object>> {
        let mut call = Call::new(operation, Method::HEAD, Target::Object(key)).headers(newest());
        if let Some(version) = version {
            call = call.query("version-id", version);
        }
        match self.account.send(&call).await {
            Ok(answer) => {
                if version.is_none() {
                    self.seen
                        .looked(key, form(answer.headers()) == Form::Static);
                }
                object(operation, answer.headers()).map(Some)
            }
            Err(error) if error.cause == Cause::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends content to the object at `key`.
    async fn send_content(
        &self,
        operation: &'static str,
        key: &str,
        headers: HeaderMap,
        content: &Prepared,
        progress: Option<Arc<Progress>>,
    ) -> Result<Answer> {
        let mut call = Call::new(operation, Method::PUT, Target::Object(key)).headers(headers);
        if let Some(md5) = content.md5() {
            // What arrives otherwise is refused with 422.
            call = call.header(ETAG, text(&hex(&md5)));
        }
        let call = call.carrying(Carried::Content(content, progress));
        let answer = self.account.send(&call).await;
        // An object needs no folder: what is not there is the container.
        answer.map_err(|error| self.without_container(error))
    }

    /// The copy of `copy`'s source to `to`, of the range of a part or whole.
    ///
    /// Conditions of such a request are for its source, which is read with all its headers ("Server Side Copy"); one for
    /// what is there before would be taken for one too. Where a plain object was copied from a large one, Swift 2.30 goes
    /// by the ETag of that and refuses the right one: then the source is looked at instead.
    async fn send_copy(
        &self,
        copy: &Copy<'_>,
        to: &str,
        range: Option<(u64, u64)>,
    ) -> Result<Answer> {
        let call = self.copy_call(copy, to, range)?;
        if copy.version.is_some() || copy.source.tag.ends_with("-dlo") {
            return self.account.send(&call).await;
        }
        let etag = format!("\"{}\"", etag_in(&copy.source.tag));
        let answer = self.account.send(&call.header(IF_MATCH, text(&etag))).await;
        let Err(refused) = answer else {
            return answer;
        };
        if refused.cause != Cause::PreconditionFailed {
            return Err(refused);
        }
        let found = self.look(copy.operation, copy.from, None).await?;
        if found.is_none_or(|found| found.tag != copy.source.tag) {
            return Err(refused);
        }
        self.account.send(&self.copy_call(copy, to, range)?).await
    }

    fn copy_call<'a>(
        &self,
        copy: &Copy<'_>,
        to: &'a str,
        range: Option<(u64, u64)>,
    ) -> Result<Call<'a>> {
        let source = path_of(&self.facts.name, copy.from);
        let mut call = Call::new(copy.operation, Method::PUT, Target::Object(to))
            .header(HeaderName::from_static("x-copy-from"), text(&source));
        if let Some(version) = copy.version {
            call = call.query("version-id", version);
        }
        if let Some((offset, length)) = range {
            let range = format!("bytes={offset}-{}", offset + length - 1);
            call = call.header(RANGE, text(&range));
        }
        if range.is_some() || copy.metadata.is_some() {
            let fresh = HeaderName::from_static("x-fresh-metadata");
            call = call.header(fresh, HeaderValue::from_static("true"));
        }
        if let (None, Some(metadata)) = (range, &copy.metadata) {
            let described = described(copy.operation, metadata, &copy.source.headers)?;
            call = call.headers(described);
        }
        Ok(call)
    }

    /// What an answer to content says.
    fn stored(answer: &Answer, form: Form) -> Stored {
        let etag = answer.headers().get(ETAG);
        let etag = etag.and_then(|etag| etag.to_str().ok()).unwrap_or_default();
        Stored {
            tag: tag(etag, form),
            version: version(answer.headers()),
            hashes: hashes(etag, form),
            sent: answer.sent,
        }
    }
}

/// What can be said of a container without asking. Listings follow the objects ("Container Servers").
fn declared() -> Capabilities {
    Capabilities {
        atomic_write: AtomicWrite::Yes,
        server_copy: true,
        versions: true,
        mtime: true,
        executable: true,
        listing: ListingConsistency::Eventual,
        listing_lacks_meta: true,
        largest_file: Some(LIMITS.largest_file()),
        parts: Some(Parts {
            smallest: LIMITS.smallest_part,
            largest: LIMITS.largest_part,
            most: LIMITS.most_parts,
            equal: LIMITS.equal_parts,
        }),
        empty_folders: true,
        ranges: true,
        quota: true,
        ..Capabilities::least()
    }
}

/// A header of printable ASCII.
fn text(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[async_trait]
impl ObjectStore for SwiftStore {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn redact(&self, text: &str) -> String {
        self.account.redact(text)
    }

    async fn page(
        &self,
        operation: &'static str,
        query: &Query,
        after: Option<&str>,
    ) -> Result<Page> {
        self.listed(operation, query, after).await
    }

    async fn head(
        &self,
        operation: &'static str,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<Object>> {
        self.look(operation, key, version).await
    }

    async fn get(&self, operation: &'static str, get: &Get<'_>) -> Result<Opened> {
        let mut call = Call::new(operation, Method::GET, Target::Object(get.key)).headers(newest());
        if let Some(version) = get.version {
            call = call.query("version-id", version);
        }
        if let Some((offset, length)) = get.range {
            let range = format!("bytes={offset}-{}", offset + length - 1);
            call = call.header(RANGE, text(&range));
        }
        let answer = self.account.send(&call).await?;
        let headers = answer.headers();
        let length = number(headers, "content-length");
        let total = headers
            .get("content-range")
            .and_then(|range| range.to_str().ok());
        let total = match total {
            Some(range) => range
                .rsplit('/')
                .next()
                .and_then(|total| total.trim().parse().ok()),
            None => length,
        };
        Ok(Opened {
            tag: tag_in(headers).unwrap_or_default(),
            written: written(headers),
            length,
            total,
            body: rest::body(operation, answer.response),
        })
    }

    async fn put(&self, operation: &'static str, put: &Put<'_>) -> Result<Stored> {
        // No condition: `If-Match` is ignored, and what `If-None-Match` decides is not decided at once.
        let headers = described(operation, put.metadata, put.headers)?;
        let to_go = self.segments_to_go(operation, put.key).await;
        let progress = put.progress.clone();
        let answer = self
            .send_content(operation, put.key, headers, put.content, progress)
            .await?;
        self.seen.looked(put.key, false);
        self.remove_segments(operation, to_go).await;
        Ok(Self::stored(&answer, Form::Plain))
    }

    async fn begin(
        &self,
        operation: &'static str,
        _key: &str,
        _sizes: (u64, u64),
        metadata: &UserMetadata,
        headers: &Headers,
    ) -> Result<String> {
        if !self.cluster(operation).await?.has_large_objects {
            let detail = "this cluster makes no large objects out of segments";
            return Err(StorageError::new(operation, Cause::Unsupported, detail));
        }
        let environment = self.account.environment();
        let id = format!("{:016x}{:016x}", environment.random(), environment.random());
        Begun::new(id, metadata, headers).write(operation)
    }

    async fn send_part(
        &self,
        operation: &'static str,
        upload: &Upload,
        number: i32,
        content: &Prepared,
    ) -> Result<Stored> {
        let begun = Begun::parse(operation, upload)?;
        let key = self.segment(&begun.id, number);
        let answer = self
            .send_content(operation, &key, HeaderMap::new(), content, None)
            .await?;
        Ok(Self::stored(&answer, Form::Plain))
    }

    async fn parts(
        &self,
        operation: &'static str,
        upload: &Upload,
    ) -> Result<Option<Vec<ListedPart>>> {
        let begun = Begun::parse(operation, upload)?;
        let prefix = self.segments_of(&begun.id);
        let mut found = Vec::new();
        let mut marker = String::new();
        loop {
            let asked = [("prefix", prefix.clone()), ("marker", marker.clone())];
            let lines = self.lines(operation, &asked).await?;
            let Some(last) = lines.last().map(|line| line.name.clone()) else {
                return Ok(Some(found));
            };
            // Names come in their order; a listing that runs in circles ends here.
            if last <= marker {
                let detail = "a listing that runs in circles";
                return Err(StorageError::new(operation, Cause::BadResponse, detail));
            }
            marker = last;
            for line in &lines {
                let number = line.name.strip_prefix(&prefix);
                let number = number.and_then(|number| number.parse().ok());
                found.extend(number.map(|number| {
                    let object = line.object();
                    ListedPart {
                        number,
                        tag: object.tag,
                        size: object.size,
                    }
                }));
            }
        }
    }

    async fn complete(
        &self,
        operation: &'static str,
        upload: &Upload,
        _guard: &Guard,
    ) -> Result<Answered> {
        let begun = Begun::parse(operation, upload)?;
        let named = upload.parts.iter().map(|part| Named {
            path: format!(
                "{}/{}",
                self.facts.name,
                self.segment(&begun.id, part.number)
            ),
            etag: part.etag.clone(),
            size_bytes: upload.range(part.number).1,
        });
        let manifest = serde_json::to_string(&named.collect::<Vec<_>>());
        let manifest = manifest
            .map_err(|error| StorageError::new(operation, Cause::Other, error.to_string()))?;
        let mut headers = described(operation, &begun.metadata, &Headers::new())?;
        for (name, value) in begun.headers() {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
                headers.insert(name, value);
            }
        }
        if let Some(tag) = self.tag_of_parts(upload) {
            // Another object than that of these segments is refused with 422.
            headers.insert(ETAG, text(etag_in(&tag)));
        }
        // A try whose answer got lost may have put this very upload there.
        let own = format!("/{}/{}", self.facts.name, self.segments_of(&begun.id));
        let mut to_go = self.segments_to_go(operation, &upload.key).await;
        to_go.retain(|segment| !segment.starts_with(&own));
        let call = Call::new(operation, Method::PUT, Target::Object(&upload.key))
            .query("multipart-manifest", "put")
            .headers(headers)
            .carrying(Carried::Text(manifest));
        let answer = self.account.send(&call).await?;
        self.seen.looked(&upload.key, true);
        self.remove_segments(operation, to_go).await;
        let stored = Self::stored(&answer, Form::Static);
        Ok(Answered {
            tag: Some(stored.tag),
            version: stored.version,
        })
    }

    async fn abort(&self, operation: &'static str, upload: &Upload) -> Result<()> {
        let begun = Begun::parse(operation, upload)?;
        if self.is_completed(operation, upload, &begun.id).await? {
            return Ok(());
        }
        let sent = self.parts(operation, upload).await?.unwrap_or_default();
        // Listings follow the objects: what the token knows may not be listed yet.
        let known = upload.parts.iter().map(|part| part.number);
        let mut numbers: Vec<_> = sent.iter().map(|part| part.number).chain(known).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let segments = numbers.into_iter().map(|number| {
            let key = self.segment(&begun.id, number);
            format!("/{}/{key}", self.facts.name)
        });
        self.remove_segments(operation, segments.collect()).await;
        Ok(())
    }

    fn tag_of_parts(&self, upload: &Upload) -> Option<String> {
        use md5::{Digest, Md5};
        // The ETag of a static large object is the MD5 of the ETags of its segments, in hexadecimal digits.
        let mut digest = Md5::new();
        for part in &upload.parts {
            md5_of_hex(&part.etag)?;
            digest.update(part.etag.as_bytes());
        }
        Some(tag(&hex(&digest.finalize()), Form::Static))
    }

    async fn copy(&self, copy: &Copy<'_>, _guard: &Guard) -> Result<Answered> {
        let to_go = self.segments_to_go(copy.operation, copy.to).await;
        let answer = self.send_copy(copy, copy.to, None).await?;
        // What is copied is the content, also of a large object.
        self.seen.looked(copy.to, false);
        self.remove_segments(copy.operation, to_go).await;
        let stored = Self::stored(&answer, Form::Plain);
        Ok(Answered {
            tag: Some(stored.tag).filter(|tag| !tag.is_empty()),
            version: stored.version,
        })
    }

    async fn copy_part(&self, copy: &Copy<'_>, upload: &Upload, number: i32) -> Result<Stored> {
        let begun = Begun::parse(copy.operation, upload)?;
        let to = self.segment(&begun.id, number);
        let answer = self
            .send_copy(copy, &to, Some(upload.range(number)))
            .await?;
        Ok(Self::stored(&answer, Form::Plain))
    }

    async fn set_metadata(
        &self,
        operation: &'static str,
        key: &str,
        metadata: &UserMetadata,
        guard: &Guard,
    ) -> Result<Answered> {
        // A POST takes away what it does not name.
        let found = self.look(operation, key, None).await?;
        let Some(found) =
            found.filter(|found| guard.admits(Some(found)) || removed!("expectation"))
        else {
            return Err(guard.refused(operation, "something else is there"));
        };
        let mut carried = found.headers;
        // Only what is named is changed of the type.
        carried.remove("content-type");
        let call = Call::new(operation, Method::POST, Target::Object(key))
            .headers(described(operation, metadata, &carried)?);
        self.account.send(&call).await?;
        Ok(Answered {
            tag: Some(found.tag),
            version: None,
        })
    }

    async fn delete(
        &self,
        operation: &'static str,
        key: &str,
        version_id: Option<&str>,
        _guard: &Guard,
    ) -> Result<Answered> {
        let mut call = Call::new(operation, Method::DELETE, Target::Object(key));
        let mut to_go = Vec::new();
        match version_id {
            Some(version) => call = call.query("version-id", version),
            None => to_go = self.segments_to_go(operation, key).await,
        }
        let answer = self.account.send(&call).await?;
        if version_id.is_none() {
            self.seen.looked(key, false);
        }
        self.remove_segments(operation, to_go).await;
        Ok(Answered {
            tag: None,
            version: version(answer.headers()),
        })
    }

    async fn keeps_versions(&self) -> Result<bool> {
        self.is_versioned("versions").await
    }

    async fn longest_key_now(&self) -> Result<Option<u32>> {
        let is_versioned = self.is_versioned("validate").await?;
        Ok(is_versioned.then_some(LONGEST_WITH_VERSIONS))
    }

    fn names_one_write(&self, id: &str) -> bool {
        id != NO_VERSION
    }

    async fn history(&self, prefix: &str, after: Option<&str>) -> Result<HistoryPage> {
        self.history_page(prefix, after).await
    }

    fn for_new_content(&self, headers: &Headers) -> Headers {
        let mut headers = headers.clone();
        headers.remove(DELETE_AT);
        headers
    }

    /// Of a container with a quota of its own that is the limit, else the account's, where one may ask.
    async fn quota(&self) -> Result<Quota> {
        let container = self.container_headers("quota").await?;
        let used = number(&container, "x-container-bytes-used");
        if let (Some(used), Some(total)) =
            (used, number(&container, "x-container-meta-quota-bytes"))
        {
            let total = Some(total);
            return Ok(Quota { used, total });
        }
        let call = Call::new("quota", Method::HEAD, Target::Account);
        let account = self.account.send(&call).await?;
        let used = number(account.headers(), "x-account-bytes-used");
        let used = used.ok_or_else(|| no_figure("the account says no size"))?;
        let total = number(account.headers(), "x-account-meta-quota-bytes");
        Ok(Quota { used, total })
    }
}

fn no_figure(why: &str) -> StorageError {
    StorageError::new("quota", Cause::Unsupported, why)
}
