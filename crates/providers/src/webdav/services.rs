//! The kinds of WebDAV server, each a row of data (DESIGN 6.7).

use tandem_core::storage::{Descriptor, Field, FieldKind};

use crate::form::{field, required, secret};

/// What a server knows beyond the RFC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    /// Nothing.
    Plain,
    /// What ownCloud added and Nextcloud took over: ids, checksums, a place for each user's files.
    Cloud,
}

/// One kind of server.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    pub(super) flavour: Flavour,
    /// The fields that a sign-in in the browser gives.
    pub(super) signs_in_for: &'static [&'static str],
    /// What a person sees, and the fields they fill in.
    pub descriptor: Descriptor,
}

const URL: Field = required(field(
    "url",
    "Address",
    FieldKind::Url,
    None,
    "The address of the folder, such as https://dav.example.org/files. With http:// nothing is encrypted on its way.",
));
const USERNAME: Field = field(
    "username",
    "User name",
    FieldKind::Text,
    None,
    "Left empty where the server asks for none, or for a token instead.",
);
const PASSWORD: Field = secret(field(
    "password",
    "Password",
    FieldKind::Text,
    None,
    "Sent as the server asks for it: Basic or Digest.",
));
const TOKEN: Field = secret(field(
    "token",
    "Token",
    FieldKind::Text,
    None,
    "A bearer token, where the server takes one instead of a password.",
));

const CLOUD_URL: Field = required(field(
    "url",
    "Address",
    FieldKind::Url,
    None,
    "The address of the server, such as https://cloud.example.org. With http:// nothing is encrypted on its way.",
));
const CLOUD_USERNAME: Field = required(field(
    "username",
    "User name",
    FieldKind::Text,
    None,
    "As it stands in the WebDAV address that the server's file settings show.",
));
const APP_PASSWORD: Field = secret(required(field(
    "password",
    "App password",
    FieldKind::Text,
    None,
    "Made in the security settings of the account, for Tandem alone. With two-factor sign-in nothing else works.",
)));

const MULTIPART_THRESHOLD: Field = field(
    "multipart_threshold",
    "Chunks from",
    FieldKind::Number,
    Some("52428800"),
    "Files of this many bytes and more are uploaded in chunks and go on after a restart.",
);
const PART_SIZE: Field = field(
    "part_size",
    "Size of a chunk",
    FieldKind::Number,
    Some("10485760"),
    "Bytes in a chunk. A file that would need more than 10,000 gets larger ones.",
);

const fn cloud(
    type_name: &'static str,
    title: &'static str,
    signs_in_for: &'static [&'static str],
) -> Service {
    Service {
        flavour: Flavour::Cloud,
        signs_in_for,
        descriptor: Descriptor {
            type_name,
            title,
            family: "nextcloud",
            fields: &[
                CLOUD_URL,
                CLOUD_USERNAME,
                APP_PASSWORD,
                MULTIPART_THRESHOLD,
                PART_SIZE,
            ],
        },
    }
}

/// Every kind of server there is a row for.
pub const SERVICES: &[Service] = &[
    Service {
        flavour: Flavour::Plain,
        signs_in_for: &[],
        descriptor: Descriptor {
            type_name: "webdav",
            title: "WebDAV",
            family: "webdav",
            fields: &[URL, USERNAME, PASSWORD, TOKEN],
        },
    },
    cloud("nextcloud", "Nextcloud", &["username", "password"]),
    // Its sign-in by the browser needs an app on the server and a registered client (doc.owncloud.com, "OAuth2").
    cloud("owncloud", "ownCloud", &[]),
];
