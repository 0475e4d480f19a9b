//! What is kept of an upload in parts: which upload, which parts arrived, and how that is written into a token.
//!
//! A token comes out of a database. One that is damaged names no part that there cannot be.

use serde::{Deserialize, Serialize};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::ResumeToken;

/// What a store documents of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Smallest part but the last, in bytes.
    pub(crate) smallest_part: u64,
    /// Largest part, and the largest object that one request writes or copies, in bytes.
    pub(crate) largest_part: u64,
    /// Most parts of one upload.
    pub(crate) most_parts: u32,
    /// Largest object in bytes, where that is less than so many parts of that size.
    pub(crate) largest_object: u64,
    /// Whether all parts but the last must have one size.
    pub(crate) equal_parts: bool,
    /// Writes per second to one key.
    pub(crate) writes_per_key: Option<u32>,
}

impl Limits {
    /// The largest object that can be written, in bytes.
    pub(crate) const fn largest_file(&self) -> u64 {
        let in_parts = self.largest_part.saturating_mul(self.most_parts as u64);
        if in_parts < self.largest_object {
            in_parts
        } else {
            self.largest_object
        }
    }
}

/// What is kept of an upload. Parts are of one size but for the last; the size is a whole number of MiB, or else what was
/// asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Upload {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) upload_id: String,
    pub(crate) part_size: u64,
    pub(crate) len: u64,
    pub(crate) parts: Vec<Part>,
}

/// A part that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) number: i32,
    pub(crate) etag: String,
    pub(crate) md5: String,
}

/// What a resume token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Token {
    /// Nothing lies on the storage: `commit` sends the bytes.
    Whole,
    /// Parts lie on the storage.
    Parts(Upload),
}

impl Token {
    pub(crate) fn parse(token: &ResumeToken) -> Result<Self> {
        serde_json::from_str(&token.0).map_err(|error| {
            StorageError::new(
                "stage",
                Cause::Other,
                format!("a token of another storage: {error}"),
            )
        })
    }

    pub(crate) fn write(&self) -> Result<ResumeToken> {
        serde_json::to_string(self)
            .map(ResumeToken)
            .map_err(|error| StorageError::new("stage", Cause::Other, error.to_string()))
    }
}

impl Upload {
    pub(crate) fn count(&self) -> i32 {
        i32::try_from(self.len.div_ceil(self.part_size)).unwrap_or(i32::MAX)
    }

    /// Where the part `number`, counted from 1, begins, and its length. A number that no part of this upload
    /// has gives an empty range at its end.
    pub(crate) fn range(&self, number: i32) -> (u64, u64) {
        let before = u64::try_from(i64::from(number) - 1).ok();
        let offset = before
            .and_then(|before| before.checked_mul(self.part_size))
            .map_or(self.len, |offset| offset.min(self.len));
        (offset, self.part_size.min(self.len - offset))
    }

    /// Whether this can be what was written into a token: it comes out of a database.
    pub(crate) fn is_sound(&self) -> bool {
        let mut numbers: Vec<i32> = self.parts.iter().map(|part| part.number).collect();
        numbers.sort_unstable();
        self.part_size > 0
            && numbers.windows(2).all(|pair| pair[0] < pair[1])
            && numbers.iter().all(|n| (1..=self.count()).contains(n))
    }

    /// Whether the MD5 of every part is known, so that what lies at the key can be compared with them.
    pub(crate) fn can_tell(&self) -> bool {
        self.parts.iter().all(|part| !part.md5.is_empty())
    }
}

/// The part size for a file: the wanted one, or what fits it into as many parts as there may be.
pub(crate) fn part_size(len: u64, wanted: u64, limits: &Limits) -> Result<u64> {
    let least = len.div_ceil(u64::from(limits.most_parts));
    // Whole MiB, but where that is more than a part may have.
    let rounded = (least.div_ceil(1 << 20) << 20).min(limits.largest_part.max(least));
    let size = wanted.max(rounded).max(limits.smallest_part);
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

    const SMALLEST_PART: u64 = 5 << 20;

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
}
