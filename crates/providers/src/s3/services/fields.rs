//! What a person fills in. Each service shows those that it needs.

use tandem_core::storage::{Field, FieldKind};

use crate::form::{field, required, secret, text};

/// A region out of those that a service lists. A newer one is reached by “Another service that speaks S3”.
pub(super) const fn region_of(regions: &'static [&'static str]) -> Field {
    required(field(
        "region",
        "Region",
        FieldKind::Choice(regions),
        None,
        "The region of the bucket, as the service names it.",
    ))
}

/// A region of a service that has too many of them, or too often new ones, to be listed here.
pub(super) const fn any_region(help: &'static str) -> Field {
    required(field("region", "Region", FieldKind::Text, None, help))
}

/// Whose buckets they are, where that is part of the address.
pub(super) const fn account(label: &'static str, help: &'static str) -> Field {
    required(field("account", label, FieldKind::Text, None, help))
}

pub(super) const ENDPOINT: Field = field(
    "endpoint",
    "Endpoint",
    FieldKind::Url,
    None,
    "The address of the service. Left empty it is Amazon S3. With http:// nothing is encrypted on its way.",
);
pub(super) const OTHER_ENDPOINT: Field = required(field(
    "endpoint",
    "Endpoint",
    FieldKind::Url,
    None,
    "The address of the service. With http:// nothing is encrypted on its way.",
));
pub(super) const REGION: Field = field(
    "region",
    "Region",
    FieldKind::Text,
    Some("us-east-1"),
    "The region of the bucket, as the service names it.",
);
pub(super) const JURISDICTION: Field = field(
    "jurisdiction",
    "Jurisdiction",
    FieldKind::Choice(&["default", "eu", "fedramp"]),
    Some("default"),
    "Where the bucket's data must stay, as chosen when it was made.",
);
pub(super) const BUCKET: Field = required(field(
    "bucket",
    "Bucket",
    FieldKind::Text,
    None,
    "The name of the bucket. It must exist.",
));
pub(super) const PREFIX: Field = field(
    "prefix",
    "Folder in the bucket",
    FieldKind::Text,
    None,
    "Everything this storage holds lies below this folder of the bucket.",
);
pub(super) const PATH_STYLE: Field = field(
    "path_style",
    "Bucket in the path",
    FieldKind::Switch,
    None,
    "Whether the bucket stands in the path of the address and not in the host name. On if an endpoint is given.",
);
pub(super) const MULTIPART_THRESHOLD: Field = field(
    "multipart_threshold",
    "Upload in parts from",
    FieldKind::Number,
    Some("52428800"),
    "Files of this many bytes and more are uploaded in parts and go on after a restart.",
);
pub(super) const PART_SIZE: Field = field(
    "part_size",
    "Size of a part",
    FieldKind::Number,
    Some("5242880"),
    "Bytes in a part. A file that would need too many parts gets larger ones.",
);
pub(super) const MOST_PARTS: Field = field(
    "most_parts",
    "Most parts",
    FieldKind::Number,
    Some("10000"),
    "How many parts one upload may have.",
);
pub(super) const LARGEST_COPY: Field = field(
    "largest_copy",
    "Copy in parts above",
    FieldKind::Number,
    Some("5368709120"),
    "Larger objects are copied in parts on the server.",
);
pub(super) const ACCESS_KEY_ID: Field = required(secret(text(
    "access_key_id",
    "Access key ID",
    "The name of the key that signs the requests.",
)));
pub(super) const SECRET_ACCESS_KEY: Field = required(secret(text(
    "secret_access_key",
    "Secret access key",
    "The key that signs the requests.",
)));
pub(super) const SESSION_TOKEN: Field = secret(text(
    "session_token",
    "Session token",
    "Only for keys that were given out for a time.",
));
