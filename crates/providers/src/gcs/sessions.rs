//! Uploads over a session, that go on after a restart ("Resumable uploads", performing-resumable-uploads).
//!
//! A session's preconditions are said when it begins, and what is expected is known when it ends. So content is sent to an
//! object of Tandem's own, which is moved to its place by a request with its conditions: one request, whatever the size,
//! and both names change at once ("Objects: move"). An endpoint that has no moves copies and deletes instead.

use aws_smithy_types::base64;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tandem_core::error::{Cause, ErrorKind, Result, StorageError};
use tandem_core::storage::OWN_FOLDER;

use super::answers::{described, resource};
use super::client::{Answer, Call, GcsBucket, Payload, segment};
use super::conditions::{numbers, of_source, of_target};
use super::crc;
use crate::body::Prepared;
use crate::objects::guard::Guard;
use crate::objects::object::{Headers, UserMetadata};
use crate::objects::parts::Upload;
use crate::objects::store::{Answered, ListedPart, Stored};

/// What an upload goes on by. It is the id in the resume token.
///
/// Whoever knows a session's address can send to it without any other right, for a week, to the one object that it makes:
/// Tandem's own, which counts for nothing until it is moved.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Session {
    /// Path and query of its address.
    address: String,
    /// The key that the content is sent to.
    at: String,
}

/// What is kept of a part that was sent: its sum, and of the last one what all of them became.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PartTag {
    crc: u32,
    made: Option<Made>,
}

/// The object that was made of the parts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Made {
    tag: String,
    crc: Option<u32>,
}

impl PartTag {
    fn write(&self) -> String {
        match &self.made {
            None => format!("{:08x}", self.crc),
            Some(made) => {
                let crc = made.crc.map(|crc| format!("{crc:08x}"));
                format!("{:08x} {} {}", self.crc, made.tag, crc.unwrap_or_default())
            }
        }
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let number = |word: &str| u32::from_str_radix(word, 16).ok();
        let crc = number(words.next()?)?;
        let made = words.next().map(|tag| Made {
            tag: tag.to_owned(),
            crc: words.next().and_then(number),
        });
        Some(Self { crc, made })
    }
}

impl Session {
    fn of(operation: &'static str, upload: &Upload) -> Result<Self> {
        // A token that is damaged names no upload.
        let session: Self = serde_json::from_str(&upload.upload_id)
            .map_err(|error| StorageError::new(operation, Cause::NotFound, error.to_string()))?;
        if session.address.starts_with('/') {
            return Ok(session);
        }
        let why = "a session of another server";
        Err(StorageError::new(operation, Cause::NotFound, why))
    }
}

impl GcsBucket {
    /// Begins a session for so many bytes.
    pub(super) async fn begin_session(
        &self,
        operation: &'static str,
        len: u64,
        metadata: &UserMetadata,
        headers: &Headers,
    ) -> Result<String> {
        let number = self.environment.random();
        let at = format!("{}{OWN_FOLDER}/staged/{number:016x}", self.facts.prefix);
        let parameters = [
            ("uploadType", "resumable".to_owned()),
            ("name", at.clone()),
            // Nobody else has this name.
            ("ifGenerationMatch", "0".to_owned()),
        ];
        let call = Call::new(operation, Method::POST, self.upload()?)
            .with(&parameters)
            .header("content-type", "application/json; charset=UTF-8")?
            .header("x-upload-content-length", &len.to_string())?
            .carrying(Payload::Json(Value::Object(described(metadata, headers))));
        let answer = self.send(call).await?;
        let bad = || {
            StorageError::new(
                operation,
                Cause::BadResponse,
                "a session without an address",
            )
        };
        let location = answer.header("location").ok_or_else(bad)?;
        // Of the address only what is behind the host: it is asked for where everything else is (P19).
        let url = self.upload()?.join(location).map_err(|_| bad())?;
        let address = url.query().map(|query| format!("{}?{query}", url.path()));
        let session = Session {
            address: address.ok_or_else(bad)?,
            at,
        };
        serde_json::to_string(&session)
            .map_err(|error| StorageError::new(operation, Cause::Other, error.to_string()))
    }

    /// Sends the part `number`. What of it is there already is passed over by the service.
    pub(super) async fn send_to_session(
        &self,
        operation: &'static str,
        upload: &Upload,
        number: i32,
        content: &Prepared,
    ) -> Result<Stored> {
        let session = Session::of(operation, upload)?;
        let (offset, len) = upload.range(number);
        let (end, total) = (offset + len, upload.len);
        let range = match len {
            0 => format!("bytes */{total}"),
            _ => format!("bytes {offset}-{}/{total}", end - 1),
        };
        let call = Call::new(operation, Method::PUT, self.address(&session.address)?)
            .header("content-range", &range)?
            .carrying(Payload::Content {
                before: bytes::Bytes::new(),
                content,
                after: bytes::Bytes::new(),
                progress: None,
            });
        let answer = self.send(call).await?;
        let Some((md5, sum)) = answer.sent else {
            let why = "answered before everything was sent";
            return Err(again(operation, why));
        };
        let made = if answer.is_incomplete() {
            if kept(&answer) < end || end == total {
                return Err(again(operation, "the service kept less than was sent"));
            }
            None
        } else {
            let made = resource(operation, self.read(operation, answer).await?)?;
            Some(Made {
                tag: made.tag(),
                crc: crc::among(&made.hashes()),
            })
        };
        Ok(Stored {
            tag: PartTag { crc: sum, made }.write(),
            sent: Some(md5),
            ..Stored::default()
        })
    }

    /// The parts that the session has whole; `None` if it is gone.
    pub(super) async fn parts_in_session(
        &self,
        operation: &'static str,
        upload: &Upload,
    ) -> Result<Option<Vec<ListedPart>>> {
        let Ok(session) = Session::of(operation, upload) else {
            return Ok(None);
        };
        let call = Call::new(operation, Method::PUT, self.address(&session.address)?)
            .header("content-range", &format!("bytes */{}", upload.len))?;
        let answer = match self.send(call).await {
            Err(error) if error.cause == Cause::NotFound => return Ok(None),
            answer => answer?,
        };
        let there = if answer.is_incomplete() {
            kept(&answer)
        } else {
            upload.len
        };
        let whole = (1..=upload.count()).map(|number| (number, upload.range(number)));
        let whole = whole.take_while(|(_, (offset, size))| offset + size <= there);
        let parts = whole.map(|(number, (_, size))| ListedPart {
            number,
            tag: None,
            size,
        });
        Ok(Some(parts.collect()))
    }

    /// Moves what the parts became to its place, if `guard` holds there and it is what was sent.
    pub(super) async fn finish_session(
        &self,
        operation: &'static str,
        upload: &Upload,
        guard: &Guard,
    ) -> Result<Answered> {
        let session = Session::of(operation, upload)?;
        let (sum, made) = self.made(operation, upload, &session).await?;
        if made.crc.is_some() && sum.is_some() && made.crc != sum {
            self.erase(operation, &session.at).await?;
            let why = "what arrived has another CRC-32C than what was sent";
            return Err(StorageError::new(operation, Cause::HashMismatch, why));
        }
        let from = segment(&session.at);
        let to = segment(&upload.key);
        let conditions = [of_source(&made.tag), of_target(guard)].concat();
        let url = self.bucket(&format!("/o/{from}/moveTo/o/{to}"))?;
        let call = Call::new(operation, Method::POST, url).with(&conditions);
        let placed = match self.ask(call).await {
            Ok(placed) => resource(operation, placed)?,
            Err(error) if error.cause == Cause::Unsupported => {
                let bucket = segment(&self.settings.bucket);
                let url = self.bucket(&format!("/o/{from}/rewriteTo/b/{bucket}/o/{to}"))?;
                let placed = self.rewrite(operation, &url, &conditions, None).await?;
                self.erase(operation, &session.at).await?;
                placed
            }
            Err(error) => return Err(error),
        };
        Ok(Answered {
            tag: Some(placed.tag()),
            version: Some(placed.generation),
        })
    }

    /// What the parts became, and what its sum must be, if all of theirs are known.
    async fn made(
        &self,
        operation: &'static str,
        upload: &Upload,
        session: &Session,
    ) -> Result<(Option<u32>, Made)> {
        let tags = upload.parts.iter().map(|part| PartTag::read(&part.etag));
        let tags: Option<Vec<PartTag>> = tags.collect();
        let numbered = upload.parts.iter().map(|part| part.number);
        let sum = tags.as_ref().map(|tags| {
            let parts = numbered.zip(tags);
            parts.fold(0, |sum, (number, tag)| {
                crc::combine(sum, tag.crc, upload.range(number).1)
            })
        });
        let last = tags.and_then(|mut tags| tags.pop()?.made);
        if let Some(made) = last {
            return Ok((sum, made));
        }
        let call = Call::new(operation, Method::GET, self.object(&session.at)?);
        let made = resource(operation, self.ask(call).await?)?;
        let made = Made {
            tag: made.tag(),
            crc: crc::among(&made.hashes()),
        };
        Ok((sum, made))
    }

    /// Ends a session, and removes what it made if that is there still.
    pub(super) async fn end_session(&self, operation: &'static str, upload: &Upload) -> Result<()> {
        let Ok(session) = Session::of(operation, upload) else {
            return Ok(());
        };
        let call = Call::new(operation, Method::DELETE, self.address(&session.address)?);
        match self.send(call).await {
            Err(error) if error.is_transient() => return Err(error),
            // However a session that was at its end is answered: what it made is what is left of it.
            _ => {}
        }
        self.erase(operation, &session.at).await
    }

    /// Removes an object of Tandem's own. One that is gone is fine.
    async fn erase(&self, operation: &'static str, key: &str) -> Result<()> {
        let call = Call::new(operation, Method::GET, self.object(key)?);
        let found = match self.ask(call).await {
            Err(error) if error.cause == Cause::NotFound => return Ok(()),
            found => resource(operation, found?)?,
        };
        // With its generation it does not stay as a version.
        let generation = [("generation", numbers(&found.tag()).1.to_owned())];
        let call = Call::new(operation, Method::DELETE, self.object(key)?).with(&generation);
        match self.send(call).await {
            Err(error) if error.cause != Cause::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// How many bytes a session has: without a `Range` none.
fn kept(answer: &Answer) -> u64 {
    let range = answer.header("range").unwrap_or_default();
    let last = range
        .rsplit('-')
        .next()
        .and_then(|last| last.parse::<u64>().ok());
    last.map_or(0, |last| last + 1)
}

fn again(operation: &'static str, why: &str) -> StorageError {
    StorageError::new(operation, Cause::BadResponse, why)
        .of_kind(ErrorKind::Transient { retry_after: None })
}

/// Content with its resource as one body (RFC 2387), and what the body is to be called.
pub(super) fn related(
    random: (u64, u64),
    mut described: serde_json::Map<String, Value>,
    content: &Prepared,
) -> (String, bytes::Bytes, bytes::Bytes) {
    if let Some(md5) = content.md5() {
        described.insert("md5Hash".to_owned(), base64::encode(md5).into());
    }
    if let Prepared::Held { bytes, .. } = content {
        let mut sum = crc::Sum::new();
        sum.update(bytes);
        described.insert("crc32c".to_owned(), crc::text(sum.value()).into());
    }
    let kind = described.get("contentType").and_then(Value::as_str);
    let kind = kind.unwrap_or("application/octet-stream").to_owned();
    // By chance, so that no content has it.
    let boundary = format!("tandem-{:016x}{:016x}", random.0, random.1);
    let before = format!(
        "--{boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n{}\r\n--{boundary}\r\ncontent-type: \
         {kind}\r\n\r\n",
        Value::Object(described)
    );
    let after = format!("\r\n--{boundary}--\r\n");
    (
        format!("multipart/related; boundary={boundary}"),
        before.into(),
        after.into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_known_by_its_sum_and_the_last_one_by_what_it_made() {
        let plain = PartTag {
            crc: 0xE306_9283,
            made: None,
        };
        let last = PartTag {
            crc: 1,
            made: Some(Made {
                tag: "1.1795350860815603".to_owned(),
                crc: Some(0xE306_9283),
            }),
        };
        for tag in [plain, last] {
            assert_eq!(PartTag::read(&tag.write()), Some(tag));
        }
        for damaged in ["", "x", "e30692831"] {
            assert_eq!(PartTag::read(damaged), None);
        }
    }
}
