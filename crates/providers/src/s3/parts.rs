//! What is kept of an upload in parts: which upload, which parts arrived, and how that is written into a token.
//!
//! A token comes out of a database. One that is damaged names no part that there cannot be.

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::ResumeToken;

use super::revision::md5_of_tag;
use super::services::{Limits, SMALLEST_PART};
use crate::hashes::hex;

/// What is kept of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) upload_id: String,
    pub(super) part_size: u64,
    pub(super) len: u64,
    pub(super) parts: Vec<Part>,
}

/// A part that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) number: i32,
    pub(super) etag: String,
    pub(super) md5: String,
}

/// What a resume token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Token {
    /// Nothing lies on the storage: `commit` sends the bytes.
    Whole,
    /// Parts lie on the storage.
    Parts(Upload),
}

impl Token {
    pub(super) fn parse(token: &ResumeToken) -> Result<Self> {
        serde_json::from_str(&token.0).map_err(|error| {
            StorageError::new(
                "stage",
                Cause::Other,
                format!("a token of another storage: {error}"),
            )
        })
    }

    pub(super) fn write(&self) -> Result<ResumeToken> {
        serde_json::to_string(self)
            .map(ResumeToken)
            .map_err(|error| StorageError::new("stage", Cause::Other, error.to_string()))
    }
}

impl Upload {
    pub(super) fn count(&self) -> i32 {
        i32::try_from(self.len.div_ceil(self.part_size)).unwrap_or(i32::MAX)
    }

    /// Where the part `number`, counted from 1, begins, and its length. A number that no part of this upload
    /// has gives an empty range at its end.
    pub(super) fn range(&self, number: i32) -> (u64, u64) {
        let before = u64::try_from(i64::from(number) - 1).ok();
        let offset = before
            .and_then(|before| before.checked_mul(self.part_size))
            .map_or(self.len, |offset| offset.min(self.len));
        (offset, self.part_size.min(self.len - offset))
    }

    /// Whether this can be what was written into a token: it comes out of a database.
    pub(super) fn is_sound(&self) -> bool {
        let mut numbers: Vec<i32> = self.parts.iter().map(|part| part.number).collect();
        numbers.sort_unstable();
        self.part_size > 0
            && numbers.windows(2).all(|pair| pair[0] < pair[1])
            && numbers.iter().all(|n| (1..=self.count()).contains(n))
    }

    /// Whether the MD5 of every part is known, so that what lies at the key can be compared with them.
    pub(super) fn can_tell(&self) -> bool {
        self.parts.iter().all(|part| !part.md5.is_empty())
    }

    /// The ETag that S3 gives an upload of these parts: the MD5 of their MD5s, and their number.
    pub(super) fn tag(&self) -> Option<String> {
        let mut digest = Md5::new();
        for part in &self.parts {
            digest.update(md5_of_tag(&part.md5)?);
        }
        Some(format!("{}-{}", hex(&digest.finalize()), self.parts.len()))
    }
}

/// The part size for a file: the wanted one, or what fits it into as many parts as there may be.
pub(super) fn part_size(len: u64, wanted: u64, limits: &Limits) -> Result<u64> {
    let least = len.div_ceil(u64::from(limits.most_parts));
    // Whole MiB, but where that is more than a part may have.
    let rounded = (least.div_ceil(1 << 20) << 20).min(limits.largest_part.max(least));
    let size = wanted.max(rounded).max(SMALLEST_PART);
    if size > limits.largest_part || len > limits.largest_file() {
        return Err(StorageError::new(
            "stage",
            Cause::TooLarge,
            format!("{len} bytes"),
        ));
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_as_large_as_the_file_needs() {
        const MIB: u64 = 1 << 20;
        let amazon = Limits::AMAZON;
        let few = Limits {
            most_parts: 1_000,
            ..amazon
        };
        let decimal = Limits {
            largest_part: 5_000_000_000,
            largest_object: 5_000_000_000_000,
            most_parts: 1_000,
            ..amazon
        };
        for (limits, len, size) in [
            (&amazon, 50 * MIB, 5 * MIB),
            (&amazon, 50_000 * MIB, 5 * MIB),
            (&amazon, 50_000 * MIB + 1, 6 * MIB),
            (&amazon, amazon.largest_file(), amazon.largest_part),
            (&few, 5_000 * MIB, 5 * MIB),
            (&few, 5_000 * MIB + 1, 6 * MIB),
            (&decimal, decimal.largest_file(), decimal.largest_part),
        ] {
            assert_eq!(
                part_size(len, SMALLEST_PART, limits).unwrap(),
                size,
                "{len}"
            );
            assert!(len.div_ceil(size) <= u64::from(limits.most_parts));
        }
        for limits in [amazon, few, decimal] {
            let too_large = part_size(limits.largest_file() + 1, SMALLEST_PART, &limits);
            assert_eq!(too_large.unwrap_err().cause, Cause::TooLarge);
        }
    }

    #[test]
    fn a_damaged_token_is_refused_and_panics_nowhere() {
        let upload = |part_size, len, numbers: &[i32]| Upload {
            bucket: "b".to_owned(),
            key: "k".to_owned(),
            upload_id: "u".to_owned(),
            part_size,
            len,
            parts: numbers
                .iter()
                .map(|number| Part {
                    number: *number,
                    etag: String::new(),
                    md5: String::new(),
                })
                .collect(),
        };
        assert!(upload(10, 25, &[3, 1]).is_sound());
        for (part_size, len, numbers) in [
            (10, 25, &[0][..]),
            (10, 25, &[-1]),
            (10, 25, &[i32::MIN]),
            (10, 25, &[4]),
            (10, 25, &[i32::MAX]),
            (10, 25, &[2, 2]),
            (u64::MAX, 25, &[2]),
            (0, 25, &[]),
        ] {
            let damaged = upload(part_size, len, numbers);
            assert!(!damaged.is_sound(), "{damaged:?}");
            for number in numbers {
                let (offset, length) = damaged.range(*number);
                assert!(offset + length <= len);
            }
        }
    }

    #[test]
    fn the_etag_of_an_upload_is_known_beforehand() {
        // 5 MiB of `a` and one `b`, as moto and s3s-fs answered.
        let part = |number, md5: &str| Part {
            number,
            etag: md5.to_owned(),
            md5: md5.to_owned(),
        };
        let upload = Upload {
            bucket: "b".to_owned(),
            key: "k".to_owned(),
            upload_id: "u".to_owned(),
            part_size: SMALLEST_PART,
            len: SMALLEST_PART + 1,
            parts: vec![
                part(1, "79b281060d337b9b2b84ccf390adcf74"),
                part(2, "92eb5ffee6ae2fec3ad71c777531578f"),
            ],
        };
        assert_eq!(
            upload.tag().as_deref(),
            Some("e5a8c5272b26fc10581a21089559b006-2")
        );
        let token = Token::Parts(upload.clone());
        assert_eq!(Token::parse(&token.write().unwrap()).unwrap(), token);
        assert_eq!(upload.range(2), (SMALLEST_PART, 1));
    }
}
