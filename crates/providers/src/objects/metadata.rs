//! What an object carries besides its bytes, under the keys that rclone uses (DESIGN 5.9), so that either program
//! reads what the other one wrote.
//!
//! `mtime`: seconds since 1970 with nine decimals (rclone docs, "Amazon S3", Modification times and hashes), or RFC 3339
//! ("Microsoft Azure Blob Storage" and "Google Cloud Storage" there, Modification times).
//! `md5chksum`: base64 of the MD5, on multipart uploads (same page). `mode`: type and permissions in octal (rclone
//! docs, "Local", Metadata), written only for what may be executed.

use aws_smithy_types::date_time::Format;
use aws_smithy_types::{DateTime, base64};
use tandem_core::entry::Mtime;
use tandem_core::storage::Meta;
use tandem_core::time::Timestamp;

use super::object::UserMetadata;

/// How a time is written into metadata. Both forms are read from every store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeForm {
    /// Seconds since 1970 with nine decimals: S3 and Swift.
    Decimal,
    /// RFC 3339 with nine decimals, in UTC: Azure Blob and Google Cloud Storage.
    Rfc3339,
}

const MTIME: &str = "mtime";
const MODE: &str = "mode";
const MD5: &str = "md5chksum";
/// The path that a kept version had, percent-encoded.
pub(crate) const KEPT_PATH: &str = "tandem-path";
/// When it was set aside, as `mtime` is written.
pub(crate) const KEPT_AT: &str = "tandem-kept-at";
/// The ETag of the original: a copy made in parts has another.
pub(crate) const KEPT_TAG: &str = "tandem-etag";

/// A regular file that everyone may execute, as `stat` numbers it.
const EXECUTABLE_MODE: &str = "100755";
const OWNER_EXECUTES: u32 = 0o100;

const NANOS: i64 = 1_000_000_000;

impl TimeForm {
    fn write(self, at: Timestamp) -> String {
        if self == Self::Decimal {
            return decimal(at);
        }
        let (year, month, day, hour, minute, second) = at.civil();
        let nanos = at.0.rem_euclid(NANOS);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
    }
}

/// A time in either form.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    parse_decimal(text).or_else(|| {
        let at = DateTime::from_str(text.trim(), Format::DateTimeWithOffset).ok()?;
        Some(Timestamp(i64::try_from(at.as_nanos()).ok()?))
    })
}

/// `metadata` with what `meta` sets; what it leaves alone stays.
pub(crate) fn with_meta(mut metadata: UserMetadata, meta: &Meta, form: TimeForm) -> UserMetadata {
    if let Some(mtime) = meta.mtime {
        metadata.insert(MTIME.to_owned(), form.write(mtime.at));
    }
    match meta.executable {
        Some(true) => {
            metadata.insert(MODE.to_owned(), EXECUTABLE_MODE.to_owned());
        }
        Some(false) => {
            metadata.remove(MODE);
        }
        None => {}
    }
    metadata
}

/// The mtime that a client left.
pub(crate) fn mtime(metadata: &UserMetadata) -> Option<Mtime> {
    let at = parse_time(metadata.get(MTIME)?)?;
    Some(Mtime {
        at,
        by_client: true,
    })
}

/// Whether the owner may execute it.
pub(crate) fn executable(metadata: &UserMetadata) -> bool {
    metadata
        .get(MODE)
        .and_then(|mode| u32::from_str_radix(mode.trim(), 8).ok())
        .is_some_and(|mode| mode & OWNER_EXECUTES != 0)
}

/// The MD5 that rclone left on a multipart upload.
pub(crate) fn md5(metadata: &UserMetadata) -> Option<[u8; 16]> {
    base64::decode(metadata.get(MD5)?).ok()?.try_into().ok()
}

/// A time as rclone writes it.
pub(crate) fn decimal(at: Timestamp) -> String {
    let sign = if at.0 < 0 { "-" } else { "" };
    let nanos = at.0.unsigned_abs();
    let (secs, rest) = (nanos / NANOS as u64, nanos % NANOS as u64);
    format!("{sign}{secs}.{rest:09}")
}

/// A time as rclone writes it; fewer or more decimals are read as well.
pub(crate) fn parse_decimal(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let (negative, text) = text
        .strip_prefix('-')
        .map_or((false, text), |rest| (true, rest));
    let (secs, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if secs.is_empty() || !digits(secs) || !digits(decimals) {
        return None;
    }
    let nanos: i64 = format!("{decimals:0<9}").get(..9)?.parse().ok()?;
    let value = secs
        .parse::<i64>()
        .ok()?
        .checked_mul(NANOS)?
        .checked_add(nanos)?;
    Some(Timestamp(if negative { -value } else { value }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rclone_writes_them() {
        for (nanos, text) in [
            (1_354_040_105_123_456_789, "1354040105.123456789"),
            (1_500_000_000, "1.500000000"),
            (0, "0.000000000"),
            (-1_500_000_000, "-1.500000000"),
        ] {
            assert_eq!(decimal(Timestamp(nanos)), text);
            assert_eq!(parse_decimal(text), Some(Timestamp(nanos)));
        }
        assert_eq!(parse_decimal("7"), Some(Timestamp::from_secs(7)));
        assert_eq!(parse_decimal("1.5"), Some(Timestamp(1_500_000_000)));
        for bad in ["", ".", "x", "1.x", "1e9", "99999999999999999999"] {
            assert_eq!(parse_decimal(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_are_read_in_either_form() {
        for (nanos, text) in [
            (1_354_040_105_123_456_789, "2012-11-27T18:15:05.123456789Z"),
            (1_500_000_000, "1970-01-01T00:00:01.500000000Z"),
            (-1_500_000_000, "1969-12-31T23:59:58.500000000Z"),
        ] {
            assert_eq!(TimeForm::Rfc3339.write(Timestamp(nanos)), text);
            assert_eq!(parse_time(text), Some(Timestamp(nanos)));
            assert_eq!(
                parse_time(&decimal(Timestamp(nanos))),
                Some(Timestamp(nanos))
            );
        }
        assert_eq!(parse_time("1970-01-01T02:00:00+02:00"), Some(Timestamp(0)));
    }

    #[test]
    fn the_executable_bit_is_left_alone_unless_it_is_set() {
        let set = |executable| Meta {
            executable,
            ..Meta::default()
        };
        let with = |metadata, executable| with_meta(metadata, &set(executable), TimeForm::Decimal);
        let on = with(UserMetadata::new(), Some(true));
        assert!(executable(&on));
        assert!(executable(&with(on.clone(), None)));
        assert!(!executable(&with(on, Some(false))));
        let rclone = UserMetadata::from([("mode".to_owned(), "0100775".to_owned())]);
        assert!(executable(&rclone));
    }
}
