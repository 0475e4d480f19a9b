//! "Objects: rewrite", "copy", "move" and "restore" (cloud.google.com/storage/docs/json_api/v1/objects).

use serde_json::json;

use super::conditions::Conditions;
use super::message::{Answer, Request};
use super::object::{Object, check_name};
use super::refusal::Refusal;
use super::state::State;

/// `maxBytesRewrittenPerCall` is a multiple of this.
const STEP: i64 = 1 << 20;

/// A copy in several requests.
#[derive(Debug)]
pub(super) struct Rewrite {
    /// What it copies; another generation would be another copy.
    source: (String, String, i64),
    done: i64,
}

/// Where a copy comes from and goes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copying<'a> {
    pub(super) from: (&'a str, &'a str),
    pub(super) to: (&'a str, &'a str),
}

impl State {
    /// `POST .../rewriteTo/...`.
    pub(super) fn rewrite(
        &mut self,
        request: &Request,
        copying: Copying<'_>,
    ) -> Result<Answer, Refusal> {
        let copy = self.copy(request, copying)?;
        let size = i64::try_from(copy.content.len()).unwrap_or(i64::MAX);
        let asked = request.number("maxBytesRewrittenPerCall")?;
        if asked.is_some_and(|asked| asked <= 0 || asked % STEP != 0) {
            let message = "maxBytesRewrittenPerCall must be a multiple of 1048576.";
            return Err(Refusal::invalid(message));
        }
        let step = asked.into_iter().chain(self.rewrite_step).min();
        let generation = self.source(request, copying)?.generation;
        let source = (
            copying.from.0.to_owned(),
            copying.from.1.to_owned(),
            generation,
        );
        let before = match request.param("rewriteToken") {
            None => 0,
            Some(token) => match self.rewrites.remove(token) {
                Some(rewrite) if rewrite.source == source => rewrite.done,
                _ => return Err(Refusal::invalid("Invalid rewrite token")),
            },
        };
        let done = step.map_or(size, |step| size.min(before.saturating_add(step)));
        let mut answer = json!({
            "kind": "storage#rewriteResponse",
            "totalBytesRewritten": done.to_string(),
            "objectSize": size.to_string(),
            "done": done == size,
        });
        if done < size {
            self.started += 1;
            let token = format!("rewrite-{}", self.started);
            answer["rewriteToken"] = token.as_str().into();
            self.rewrites.insert(token, Rewrite { source, done });
        } else {
            let made = self.bucket_mut(copying.to.0)?.insert(copy);
            answer["resource"] = made.resource(&request.origin(), copying.to.0);
        }
        Ok(Answer::json(200, &answer))
    }

    /// `POST .../copyTo/...`.
    pub(super) fn copy_to(
        &mut self,
        request: &Request,
        copying: Copying<'_>,
    ) -> Result<Answer, Refusal> {
        let copy = self.copy(request, copying)?;
        let made = self.bucket_mut(copying.to.0)?.insert(copy);
        let resource = made.resource(&request.origin(), copying.to.0);
        Ok(Answer::json(200, &resource))
    }

    /// `POST .../moveTo/...`: both names change at once, and the old content is not kept.
    pub(super) fn move_to(
        &mut self,
        request: &Request,
        copying: Copying<'_>,
    ) -> Result<Answer, Refusal> {
        if !self.moves {
            return Err(Refusal::new(501, "notImplemented", "Not Implemented"));
        }
        if copying.from == copying.to {
            let message = "The source and destination object names must be different.";
            return Err(Refusal::invalid(message));
        }
        let moved = self.copy(request, copying)?;
        let bucket = self.bucket_mut(copying.to.0)?;
        bucket.live.remove(copying.from.1);
        let made = bucket.insert(moved);
        let resource = made.resource(&request.origin(), copying.to.0);
        Ok(Answer::json(200, &resource))
    }

    /// `POST .../restore`.
    pub(super) fn restore(
        &mut self,
        request: &Request,
        bucket: &str,
        name: &str,
    ) -> Result<Answer, Refusal> {
        let generation = request.number("generation")?.unwrap_or_default();
        let conditions = Conditions::of(request)?;
        let bucket = self.bucket_mut(bucket)?;
        let key = (name.to_owned(), generation);
        let Some(object) = bucket.soft_deleted.get(&key).cloned() else {
            return Err(Refusal::no_object(&bucket.name, name));
        };
        conditions.check(bucket.find(name, None))?;
        let made = bucket.insert(object);
        let resource = made.resource(&request.origin(), &bucket.name);
        Ok(Answer::json(200, &resource))
    }

    fn source(&self, request: &Request, copying: Copying<'_>) -> Result<&Object, Refusal> {
        let (bucket, name) = copying.from;
        self.bucket(bucket)?
            .get(name, request.number("sourceGeneration")?)
    }

    /// What is to be at the destination. A resource in the request stands in place of the source's own details.
    fn copy(&self, request: &Request, copying: Copying<'_>) -> Result<Object, Refusal> {
        let (bucket, name) = copying.to;
        check_name(name)?;
        let source = self.source(request, copying)?;
        Conditions::of_source(request)?.check(Some(source))?;
        Conditions::of(request)?.check(self.bucket(bucket)?.find(name, None))?;
        let mut details = source.details.clone();
        let resource = request.json()?;
        if resource
            .as_object()
            .is_some_and(|fields| !fields.is_empty())
        {
            details = super::object::Details::default();
            details.patch(&resource)?;
            details = details.or_type(Some(source.details.content_type()));
        }
        let mut copy = Object::new(name, source.content.clone(), details);
        (copy.crc32c, copy.md5) = (source.crc32c, source.md5);
        Ok(copy)
    }
}
