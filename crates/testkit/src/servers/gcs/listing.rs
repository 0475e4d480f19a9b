//! "Objects: list" (cloud.google.com/storage/docs/json_api/v1/objects/list).

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::bucket::Bucket;
use super::message::{Answer, Request};
use super::object::Object;
use super::refusal::Refusal;

/// The most items that one page has, whatever is asked for.
const MOST: usize = 1_000;

/// One item of a page. In the order of names, and of generations within one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Position(String, i64);

enum Item<'a> {
    Object(&'a Object),
    Prefix(String),
}

impl Item<'_> {
    fn position(&self) -> Position {
        match self {
            Self::Object(object) => Position(object.name.clone(), object.generation),
            // After all that it stands for.
            Self::Prefix(prefix) => Position(format!("{prefix}\u{10FFFF}"), i64::MAX),
        }
    }
}

/// One page. `page_limit` is the most that this server puts on one.
pub(super) fn list(
    bucket: &Bucket,
    request: &Request,
    page_limit: usize,
) -> Result<Answer, Refusal> {
    let most = match request.number("maxResults")? {
        Some(number) if number > 0 => usize::try_from(number).unwrap_or(MOST).min(MOST),
        Some(_) => return Err(Refusal::invalid("Invalid value for maxResults")),
        None => MOST,
    };
    let most = most.min(page_limit);
    let after = request.param("pageToken").map(position).transpose()?;
    let items = items(bucket, request);
    let mut items: Vec<_> = items
        .into_iter()
        .filter(|item| after.as_ref().is_none_or(|after| item.position() > *after))
        .collect();
    let is_more = items.len() > most;
    items.truncate(most);
    let last = items.last().map(Item::position);

    let origin = request.origin();
    let mut page = json!({"kind": "storage#objects"});
    let (mut objects, mut prefixes) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Item::Object(object) => objects.push(object.resource(&origin, &bucket.name)),
            Item::Prefix(prefix) => prefixes.push(prefix),
        }
    }
    if !objects.is_empty() {
        page["items"] = objects.into();
    }
    if !prefixes.is_empty() {
        page["prefixes"] = prefixes.into();
    }
    if let Some(Position(name, generation)) = last.filter(|_| is_more) {
        let token = STANDARD.encode(format!("{generation} {name}"));
        page["nextPageToken"] = token.into();
    }
    Ok(Answer::json(200, &page))
}

fn position(token: &str) -> Result<Position, Refusal> {
    let read = || {
        let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
        let (generation, name) = text.split_once(' ')?;
        Some(Position(name.to_owned(), generation.parse().ok()?))
    };
    read().ok_or_else(|| Refusal::invalid("Invalid value for pageToken"))
}

/// All that the request asks for, in order.
fn items<'a>(bucket: &'a Bucket, request: &Request) -> Vec<Item<'a>> {
    let prefix = request.param("prefix").unwrap_or_default();
    let delimiter = request.param("delimiter").filter(|text| !text.is_empty());
    let (start, end) = (request.param("startOffset"), request.param("endOffset"));
    let mut all: Vec<&Object> = if request.is_set("softDeleted") {
        bucket.soft_deleted.values().collect()
    } else if request.is_set("versions") {
        let live = bucket.live.values();
        live.chain(bucket.noncurrent.values()).collect()
    } else {
        bucket.live.values().collect()
    };
    all.sort_by(|a, b| (&a.name, a.generation).cmp(&(&b.name, b.generation)));
    let (mut items, mut seen) = (Vec::new(), BTreeSet::new());
    for object in all {
        let name = object.name.as_str();
        let is_in = start.is_none_or(|start| name >= start) && end.is_none_or(|end| name < end);
        let Some(rest) = name.strip_prefix(prefix).filter(|_| is_in) else {
            continue;
        };
        let cut = delimiter.and_then(|delimiter| Some(rest.find(delimiter)? + delimiter.len()));
        let Some(cut) = cut else {
            items.push(Item::Object(object));
            continue;
        };
        let folder = format!("{prefix}{}", &rest[..cut]);
        if folder == name && request.is_set("includeTrailingDelimiter") {
            items.push(Item::Object(object));
        }
        if seen.insert(folder.clone()) {
            items.push(Item::Prefix(folder));
        }
    }
    items.sort_by_key(Item::position);
    items
}
