//! The kinds of WebDAV server, each a row of data (DESIGN 6.7).

use tandem_core::storage::{Descriptor, Field, FieldKind};

/// One kind of server.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// What a person sees, and the fields they fill in.
    pub descriptor: Descriptor,
}

const fn field(
    key: &'static str,
    label: &'static str,
    kind: FieldKind,
    required: bool,
    help: &'static str,
) -> Field {
    Field {
        key,
        label,
        kind,
        required,
        secret: false,
        help,
        default: None,
    }
}

const fn secret(mut field: Field) -> Field {
    field.secret = true;
    field
}

const URL: Field = field(
    "url",
    "Address",
    FieldKind::Url,
    true,
    "The address of the folder, such as https://dav.example.org/files. With http:// nothing is encrypted on its way.",
);
const USERNAME: Field = field(
    "username",
    "User name",
    FieldKind::Text,
    false,
    "Left empty where the server asks for none, or for a token instead.",
);
const PASSWORD: Field = secret(field(
    "password",
    "Password",
    FieldKind::Text,
    false,
    "Sent as the server asks for it: Basic or Digest.",
));
const TOKEN: Field = secret(field(
    "token",
    "Token",
    FieldKind::Text,
    false,
    "A bearer token, where the server takes one instead of a password.",
));

/// Every kind of server there is a row for.
pub const SERVICES: &[Service] = &[Service {
    descriptor: Descriptor {
        type_name: "webdav",
        title: "WebDAV",
        family: "webdav",
        fields: &[URL, USERNAME, PASSWORD, TOKEN],
    },
}];
