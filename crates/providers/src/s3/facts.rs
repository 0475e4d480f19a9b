//! What is known of a bucket before it is asked.

use tandem_core::capabilities::{AtomicWrite, Capabilities, Parts};

use super::keys::LONGEST_KEY;
use super::settings::Settings;
use crate::objects::metadata::TimeForm;
use crate::objects::store::Facts;

/// Parts of one file that are on their way at once.
const PARTS_AT_ONCE: usize = 4;

pub(super) fn facts(settings: &Settings) -> Facts {
    Facts {
        service: "S3",
        word: "bucket",
        name: settings.bucket.clone(),
        prefix: settings.prefix.clone(),
        plain: settings.plain,
        longest_key: LONGEST_KEY,
        multipart_threshold: settings.multipart_threshold,
        part_size: settings.part_size,
        parts_at_once: PARTS_AT_ONCE,
        largest_copy: settings.largest_copy,
        limits: settings.limits,
        time_form: TimeForm::Decimal,
        sets_metadata: false,
        declared: declared(settings),
    }
}

/// What can be said of a bucket without asking: no condition, no hash. Of Amazon's own service its documents say that
/// folder markers are objects like others.
fn declared(settings: &Settings) -> Capabilities {
    let limits = &settings.limits;
    Capabilities {
        atomic_write: AtomicWrite::Yes,
        server_copy: true,
        versions: true,
        mtime: true,
        executable: true,
        listing_lacks_meta: true,
        largest_file: Some(limits.largest_file()),
        parts: Some(Parts {
            smallest: limits.smallest_part,
            largest: limits.largest_part,
            most: limits.most_parts,
            equal: limits.equal_parts,
        }),
        writes_per_name: limits.writes_per_key,
        empty_folders: settings.is_amazon(),
        ranges: true,
        ..Capabilities::least()
    }
}
