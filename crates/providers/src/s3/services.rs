//! The services that speak S3, each a row of data (DESIGN 6.7). What a row cannot say is probed, never assumed.

use tandem_core::storage::{Descriptor, Field, FieldKind};

/// One service.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// What a person sees, and the fields they fill in.
    pub descriptor: Descriptor,
    /// Whether an endpoint must be typed because the service has no address of its own.
    pub needs_endpoint: bool,
    /// Most parts of one upload.
    pub most_parts: u32,
}

/// Parts of one multipart upload: "Amazon S3 multipart upload limits" (S3 User Guide, qfacts).
const MOST_PARTS: u32 = 10_000;

const fn field(
    key: &'static str,
    label: &'static str,
    kind: FieldKind,
    default: Option<&'static str>,
    help: &'static str,
) -> Field {
    Field {
        key,
        label,
        kind,
        required: false,
        secret: false,
        help,
        default,
    }
}

const fn required(mut field: Field) -> Field {
    field.required = true;
    field
}

const fn secret(
    key: &'static str,
    label: &'static str,
    required: bool,
    help: &'static str,
) -> Field {
    Field {
        key,
        label,
        kind: FieldKind::Text,
        required,
        secret: true,
        help,
        default: None,
    }
}

const ENDPOINT: Field = field(
    "endpoint",
    "Endpoint",
    FieldKind::Url,
    None,
    "The address of the service. Left empty it is Amazon S3. With http:// nothing is encrypted on its way.",
);
const REGION: Field = field(
    "region",
    "Region",
    FieldKind::Text,
    Some("us-east-1"),
    "The region of the bucket, as the service names it.",
);
const BUCKET: Field = required(field(
    "bucket",
    "Bucket",
    FieldKind::Text,
    None,
    "The name of the bucket. It must exist.",
));
const PREFIX: Field = field(
    "prefix",
    "Folder in the bucket",
    FieldKind::Text,
    None,
    "Everything this storage holds lies below this folder of the bucket.",
);
const PATH_STYLE: Field = field(
    "path_style",
    "Bucket in the path",
    FieldKind::Switch,
    None,
    "Whether the bucket stands in the path of the address and not in the host name. On if an endpoint is given.",
);
const MULTIPART_THRESHOLD: Field = field(
    "multipart_threshold",
    "Upload in parts from",
    FieldKind::Number,
    Some("52428800"),
    "Files of this many bytes and more are uploaded in parts and go on after a restart.",
);
const PART_SIZE: Field = field(
    "part_size",
    "Size of a part",
    FieldKind::Number,
    Some("5242880"),
    "Bytes in a part. A file that would need too many parts gets larger ones.",
);
const LARGEST_COPY: Field = field(
    "largest_copy",
    "Copy in parts above",
    FieldKind::Number,
    Some("5368709120"),
    "Larger objects are copied in parts on the server.",
);
const ACCESS_KEY_ID: Field = secret(
    "access_key_id",
    "Access key ID",
    true,
    "The name of the key that signs the requests.",
);
const SECRET_ACCESS_KEY: Field = secret(
    "secret_access_key",
    "Secret access key",
    true,
    "The key that signs the requests.",
);
const SESSION_TOKEN: Field = secret(
    "session_token",
    "Session token",
    false,
    "Only for keys that were given out for a time.",
);

const FIELDS: &[Field] = &[
    ENDPOINT,
    REGION,
    BUCKET,
    PREFIX,
    PATH_STYLE,
    MULTIPART_THRESHOLD,
    PART_SIZE,
    LARGEST_COPY,
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    SESSION_TOKEN,
];

const FIELDS_WITH_ENDPOINT: &[Field] = &[
    required(ENDPOINT),
    REGION,
    BUCKET,
    PREFIX,
    PATH_STYLE,
    MULTIPART_THRESHOLD,
    PART_SIZE,
    LARGEST_COPY,
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    SESSION_TOKEN,
];

/// Every service there is a row for.
pub const SERVICES: &[Service] = &[
    Service {
        descriptor: Descriptor {
            type_name: "s3",
            title: "Amazon S3",
            family: "s3",
            fields: FIELDS,
        },
        needs_endpoint: false,
        most_parts: MOST_PARTS,
    },
    Service {
        descriptor: Descriptor {
            type_name: "s3-compatible",
            title: "Another service that speaks S3",
            family: "s3",
            fields: FIELDS_WITH_ENDPOINT,
        },
        needs_endpoint: true,
        most_parts: MOST_PARTS,
    },
];
