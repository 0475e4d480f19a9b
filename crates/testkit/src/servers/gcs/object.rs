//! An object, as it is kept and as the API shows it ("Objects", cloud.google.com/storage/docs/json_api/v1/objects).

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::checksum::{crc32c, crc32c_text, md5, md5_text};
use super::moment::Moment;
use super::refusal::Refusal;

/// The longest name in bytes ("Object name requirements", cloud.google.com/storage/docs/objects#naming).
const LONGEST_NAME: usize = 1_024;

/// The most that keys and values of custom metadata come to ("Quotas & limits", cloud.google.com/storage/quotas).
const MOST_METADATA: usize = 8 << 10;

/// One generation of an object.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) name: String,
    pub(super) generation: i64,
    pub(super) metageneration: i64,
    pub(super) content: Bytes,
    pub(super) crc32c: u32,
    pub(super) md5: [u8; 16],
    pub(super) details: Details,
    pub(super) created: Moment,
    pub(super) updated: Moment,
    /// When it ceased to be the live one.
    pub(super) deleted: Option<Moment>,
    /// When it was deleted for good, where the bucket keeps such for a while.
    pub(super) soft_deleted: Option<Moment>,
}

/// What a client may say about an object.
#[derive(Debug, Clone, Default)]
pub(super) struct Details {
    /// Standard fields that are kept and shown as they came.
    fields: BTreeMap<&'static str, String>,
    pub(super) metadata: BTreeMap<String, String>,
}

/// The fields that a client may set ("Objects: insert").
const SETTABLE: [&str; 7] = [
    "contentType",
    "contentEncoding",
    "contentDisposition",
    "contentLanguage",
    "cacheControl",
    "customTime",
    "storageClass",
];

impl Details {
    /// Takes over what a resource says. `null` takes a field or a key away; what is not named stays ("Objects: patch").
    pub(super) fn patch(&mut self, resource: &Value) -> Result<(), Refusal> {
        for field in SETTABLE {
            match resource.get(field) {
                Some(Value::String(text)) => drop(self.fields.insert(field, text.clone())),
                Some(Value::Null) => drop(self.fields.remove(field)),
                Some(_) => return Err(Refusal::invalid(&format!("Invalid value for {field}"))),
                None => {}
            }
        }
        match resource.get("metadata") {
            None => {}
            Some(Value::Null) => self.metadata.clear(),
            Some(Value::Object(entries)) => self.patch_metadata(entries)?,
            Some(_) => return Err(Refusal::invalid("Invalid value for metadata")),
        }
        let sizes = self.metadata.iter().map(|(k, v)| k.len() + v.len());
        if sizes.sum::<usize>() > MOST_METADATA {
            let message =
                "The metadata for this object is too large: at most 8192 bytes are allowed.";
            return Err(Refusal::invalid(message));
        }
        Ok(())
    }

    fn patch_metadata(&mut self, entries: &Map<String, Value>) -> Result<(), Refusal> {
        for (key, value) in entries {
            match value {
                Value::String(text) => drop(self.metadata.insert(key.clone(), text.clone())),
                Value::Null => drop(self.metadata.remove(key)),
                _ => return Err(Refusal::invalid("Invalid value for metadata")),
            }
        }
        Ok(())
    }

    /// The same with a content type, where none was given.
    pub(super) fn or_type(mut self, kind: Option<&str>) -> Self {
        let kind = kind.unwrap_or("application/octet-stream");
        self.fields
            .entry("contentType")
            .or_insert_with(|| kind.to_owned());
        self
    }

    /// What it is said to be.
    pub(super) fn content_type(&self) -> &str {
        let kind = self.fields.get("contentType").map(String::as_str);
        kind.unwrap_or("application/octet-stream")
    }
}

impl Object {
    /// A new one. Its generation is set when it is put into its bucket.
    pub(super) fn new(name: &str, content: Bytes, details: Details) -> Self {
        Self {
            name: name.to_owned(),
            generation: 0,
            metageneration: 1,
            crc32c: crc32c(&content),
            md5: md5(&content),
            content,
            details,
            created: Moment::default(),
            updated: Moment::default(),
            deleted: None,
            soft_deleted: None,
        }
    }

    /// Whether the content is what the client said that it would be.
    pub(super) fn check(&self, announced: &Announced) -> Result<(), Refusal> {
        let crc = crc32c_text(self.crc32c);
        if let Some(said) = announced.crc32c.as_ref().filter(|said| **said != crc) {
            return Err(Refusal::invalid(&format!(
                "Provided CRC32C \"{said}\" doesn't match calculated CRC32C \"{crc}\"."
            )));
        }
        let md5 = md5_text(self.md5);
        if let Some(said) = announced.md5.as_ref().filter(|said| **said != md5) {
            return Err(Refusal::invalid(&format!(
                "Provided MD5 hash \"{said}\" doesn't match calculated MD5 hash \"{md5}\"."
            )));
        }
        Ok(())
    }

    /// `x-goog-hash` of an answer with content.
    pub(super) fn hash_header(&self) -> String {
        let (crc, md5) = (crc32c_text(self.crc32c), md5_text(self.md5));
        format!("crc32c={crc},md5={md5}")
    }

    /// It changes with content and metadata.
    pub(super) fn etag(&self) -> String {
        format!("C{:x}-{:x}=", self.generation, self.metageneration)
    }

    /// The resource that shows it.
    pub(super) fn resource(&self, origin: &str, bucket: &str) -> Value {
        let place = format!("b/{bucket}/o/{}", encoded(&self.name));
        let generation = self.generation;
        let mut all = json!({
            "kind": "storage#object",
            "id": format!("{bucket}/{}/{generation}", self.name),
            "selfLink": format!("{origin}/storage/v1/{place}"),
            "mediaLink": format!("{origin}/download/storage/v1/{place}?generation={generation}&alt=media"),
            "name": self.name,
            "bucket": bucket,
            "generation": generation.to_string(),
            "metageneration": self.metageneration.to_string(),
            "storageClass": "STANDARD",
            "size": self.content.len().to_string(),
            "md5Hash": md5_text(self.md5),
            "crc32c": crc32c_text(self.crc32c),
            "etag": self.etag(),
            "timeCreated": self.created.to_string(),
            "updated": self.updated.to_string(),
            "timeStorageClassUpdated": self.created.to_string(),
            "timeFinalized": self.created.to_string(),
        });
        for (field, value) in &self.details.fields {
            all[*field] = value.as_str().into();
        }
        if !self.details.metadata.is_empty() {
            all["metadata"] = json!(self.details.metadata);
        }
        if let Some(deleted) = self.deleted {
            all["timeDeleted"] = deleted.to_string().into();
        }
        if let Some(deleted) = self.soft_deleted {
            all["softDeleteTime"] = deleted.to_string().into();
        }
        all
    }
}

/// What a client says that the content's hashes are.
#[derive(Debug, Clone, Default)]
pub(super) struct Announced {
    crc32c: Option<String>,
    md5: Option<String>,
}

impl Announced {
    /// By the resource that comes with the content.
    pub(super) fn in_resource(resource: &Value) -> Self {
        let text = |field: &str| resource.get(field)?.as_str().map(str::to_owned);
        Self {
            crc32c: text("crc32c"),
            md5: text("md5Hash"),
        }
    }

    /// By `x-goog-hash` beside the content, as Google's own clients send it with the last of it ("Data validation and
    /// change detection with checksums", cloud.google.com/storage/docs/data-validation).
    pub(super) fn and_header(mut self, header: Option<&str>) -> Self {
        for pair in header.unwrap_or_default().split(',') {
            match pair.trim().split_once('=') {
                Some(("crc32c", value)) => self.crc32c = Some(value.to_owned()),
                Some(("md5", value)) => self.md5 = Some(value.to_owned()),
                _ => {}
            }
        }
        self
    }
}

/// What is wrong with a name ("Object name requirements", cloud.google.com/storage/docs/objects#naming).
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let refused = match name {
        "" => "Required",
        "." | ".." => "Objects cannot be named . or ..",
        _ if name.len() > LONGEST_NAME => "The maximum object length is 1024 characters.",
        _ if name.contains(['\r', '\n']) => "Disallowed unicode characters present in object name",
        _ if name.starts_with(".well-known/acme-challenge/") => "Disallowed object name",
        _ => return Ok(()),
    };
    Err(Refusal::invalid(refused))
}

fn encoded(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}
