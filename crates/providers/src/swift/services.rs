//! The services that speak Swift, each a row of data, and what a person fills in.

use tandem_core::storage::{Descriptor, Field, FieldKind};

use crate::form::{field, required, secret, text};

/// One service.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// What a person sees, and the fields they fill in.
    pub descriptor: Descriptor,
    /// Where one signs in.
    pub(super) entrance: Entrance,
}

/// Where one signs in, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entrance {
    /// At the address that was typed: by version 1 if it ends in `/v1` or `/v1.0`, else by Keystone's version 3.
    Typed,
    /// By Keystone's version 3 at this address.
    Keystone(&'static str),
    /// By a user name and an API key, at one of the addresses of Rackspace.
    Rackspace,
}

const AUTH_URL: Field = required(field(
    "auth_url",
    "Sign-in address",
    FieldKind::Url,
    None,
    "OS_AUTH_URL of the cloud. If it ends in /v1.0 the user name is sent as it is, else Keystone's version 3 is used.",
));
const USERNAME: Field = text(
    "username",
    "User name",
    "OS_USERNAME. With a sign-in address of version 1 often ACCOUNT:USER. Left empty with an application credential.",
);
const PASSWORD: Field = secret(text(
    "password",
    "Password or key",
    "The password of the user; with a sign-in address of version 1 the key.",
));
const PROJECT: Field = text(
    "project",
    "Project",
    "OS_PROJECT_NAME, once called tenant. Left empty with a project ID, an application credential or version 1.",
);
const PROJECT_ID: Field = text(
    "project_id",
    "Project ID",
    "OS_PROJECT_ID, instead of its name.",
);
const USER_DOMAIN: Field = field(
    "user_domain",
    "Domain of the user",
    FieldKind::Text,
    Some("Default"),
    "OS_USER_DOMAIN_NAME.",
);
const PROJECT_DOMAIN: Field = text(
    "project_domain",
    "Domain of the project",
    "OS_PROJECT_DOMAIN_NAME. Left empty it is the domain of the user.",
);
const APPLICATION_ID: Field = text(
    "application_credential_id",
    "Application credential ID",
    "A credential made for one program, instead of user name and password.",
);
const APPLICATION_SECRET: Field = secret(text(
    "application_credential_secret",
    "Application credential secret",
    "What belongs to the application credential.",
));
const REGION: Field = text(
    "region",
    "Region",
    "OS_REGION_NAME. Needed only where the cloud has several.",
);
const STORAGE_URL: Field = field(
    "storage_url",
    "Storage address",
    FieldKind::Url,
    None,
    "The address of the account, where another is to be used than the sign-in names.",
);
const CONTAINER: Field = required(text(
    "container",
    "Container",
    "The name of the container. It must exist.",
));
const PREFIX: Field = text(
    "prefix",
    "Folder in the container",
    "Everything this storage holds lies below this folder of the container.",
);
const MULTIPART_THRESHOLD: Field = field(
    "multipart_threshold",
    "Upload in parts from",
    FieldKind::Number,
    Some("52428800"),
    "Files of this many bytes and more are uploaded as large objects, in segments, and go on after a restart.",
);
const PART_SIZE: Field = field(
    "part_size",
    "Size of a part",
    FieldKind::Number,
    Some("5242880"),
    "Bytes in a segment. A file that would need too many segments gets larger ones.",
);
const LARGEST_COPY: Field = field(
    "largest_copy",
    "Copy in parts above",
    FieldKind::Number,
    Some("5368709120"),
    "Larger objects are copied in parts on the server.",
);
const OVH_REGION: Field = required(text(
    "region",
    "Region",
    "The region of the container as the control panel shows it, such as GRA.",
));
const OVH_USERNAME: Field = required(text(
    "username",
    "OpenStack user",
    "The name of the user made under “Users & Roles” of the project, such as user-aBcDeFgH.",
));
const OVH_PASSWORD: Field = required(secret(text(
    "password",
    "Password",
    "The password of the OpenStack user.",
)));
const OVH_PROJECT: Field = required(text(
    "project_id",
    "Project ID",
    "The ID of the Public Cloud project, 32 characters long.",
));
const RACKSPACE_LOCATION: Field = field(
    "location",
    "Account made in",
    FieldKind::Choice(&["us", "uk"]),
    Some("us"),
    "Whether the account was made on Rackspace's American or British site.",
);
const RACKSPACE_REGION: Field = required(field(
    "region",
    "Region",
    FieldKind::Choice(&["DFW", "ORD", "IAD", "LON", "HKG", "SYD"]),
    None,
    "The region of the container.",
));
const RACKSPACE_USERNAME: Field = required(text(
    "username",
    "User name",
    "The user name of the account.",
));
const RACKSPACE_KEY: Field = required(secret(text(
    "password",
    "API key",
    "The key that the control panel shows under the account's settings.",
)));

/// Every service there is a row for.
pub const SERVICES: &[Service] = &[SWIFT, OVH, RACKSPACE];

const SWIFT: Service = Service {
    descriptor: Descriptor {
        type_name: "swift",
        title: "OpenStack Swift",
        family: "swift",
        fields: &[
            AUTH_URL,
            USERNAME,
            PASSWORD,
            PROJECT,
            PROJECT_ID,
            USER_DOMAIN,
            PROJECT_DOMAIN,
            APPLICATION_ID,
            APPLICATION_SECRET,
            REGION,
            STORAGE_URL,
            CONTAINER,
            PREFIX,
            MULTIPART_THRESHOLD,
            PART_SIZE,
            LARGEST_COPY,
        ],
    },
    entrance: Entrance::Typed,
};

/// The address is in OVHcloud's own examples (ovh/docs, "Swift Object Storage"); the classes are "from older
/// generations and no longer benefit from further developments" ("Object Storage - FAQ", help.ovhcloud.com,
/// KB0059678), and a user gets at most 60 tokens a minute ("Developer guide" of Public Cloud Archive, docs.ovh.com).
/// The S3 interface is the row `ovh-s3`.
const OVH: Service = Service {
    descriptor: Descriptor {
        type_name: "ovh-swift",
        title: "OVHcloud Object Storage (Swift)",
        family: "swift",
        fields: &[
            OVH_USERNAME,
            OVH_PASSWORD,
            OVH_PROJECT,
            OVH_REGION,
            CONTAINER,
            PREFIX,
            MULTIPART_THRESHOLD,
            PART_SIZE,
        ],
    },
    entrance: Entrance::Keystone("https://auth.cloud.ovh.net/v3"),
};

/// Sign-in by user name and API key, and the addresses: "Authenticate to the Rackspace Cloud" (docs-ospc.rackspace.com,
/// cloud-files/v1, and docs.rackspace.com). Regions: "Service access endpoints" of the same guide.
const RACKSPACE: Service = Service {
    descriptor: Descriptor {
        type_name: "rackspace",
        title: "Rackspace Cloud Files",
        family: "swift",
        fields: &[
            RACKSPACE_LOCATION,
            RACKSPACE_REGION,
            RACKSPACE_USERNAME,
            RACKSPACE_KEY,
            CONTAINER,
            PREFIX,
            MULTIPART_THRESHOLD,
            PART_SIZE,
        ],
    },
    entrance: Entrance::Rackspace,
};
