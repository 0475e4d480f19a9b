//! The rows. Each says which document its address and limits come from, and what was not found in one.
//!
//! Where a service documents a limit in TB and GB it is taken for powers of ten, the smaller of the two readings.

use tandem_core::storage::{Descriptor, Field};

use super::fields::{
    ACCESS_KEY_ID, BUCKET, ENDPOINT, JURISDICTION, LARGEST_COPY, MOST_PARTS, MULTIPART_THRESHOLD,
    OTHER_ENDPOINT, PART_SIZE, PATH_STYLE, PREFIX, REGION, SECRET_ACCESS_KEY, SESSION_TOKEN,
    account, any_region, region_of,
};
use super::{Endpoint, Service};
use crate::objects::parts::Limits;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;
const GB: u64 = 1_000_000_000;
const TB: u64 = 1_000_000_000_000;

/// 10,000 parts of 5 GB, objects of 5 TB, as several services have them.
const FIVE_TB: Limits = Limits {
    largest_part: 5 * GB,
    largest_object: 5 * TB,
    ..Limits::AMAZON
};

const fn s3(type_name: &'static str, title: &'static str, fields: &'static [Field]) -> Descriptor {
    Descriptor {
        type_name,
        title,
        family: "s3",
        fields,
    }
}

const fn by_region(pattern: &'static str) -> Endpoint {
    Endpoint::Follows {
        pattern,
        except: &[],
        signed_for: None,
    }
}

/// The fields of a service whose address follows from `$place`.
macro_rules! fields {
    ($($place:expr),*) => {
        &[
            $($place,)*
            BUCKET,
            PREFIX,
            MULTIPART_THRESHOLD,
            PART_SIZE,
            ACCESS_KEY_ID,
            SECRET_ACCESS_KEY,
        ]
    };
}

/// Every service there is a row for.
pub const SERVICES: &[Service] = &[
    AMAZON, BACKBLAZE, SPACES, WASABI, LINODE, IBM, ORACLE, OVH, SCALEWAY, R2, GOOGLE, OTHER,
];

/// The SDK has the endpoints of "Amazon S3 endpoints and quotas" (AWS General Reference). The endpoint can be typed all
/// the same: for interface endpoints of a private network, FIPS, and configurations from before there were rows.
const AMAZON: Service = Service {
    descriptor: s3(
        "s3",
        "Amazon S3",
        &[
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
        ],
    ),
    endpoint: Endpoint::Amazon,
    limits: Limits::AMAZON,
};

/// Address, also with the bucket in the path: "Call the S3-Compatible API" (Backblaze documentation,
/// cloud-storage-call-the-s3-compatible-api). The bucket's page shows its region; a list of all was not found.
/// Parts of 5 MB to 5 GB: "Create Large Files with the Native API" there. That a file has at most 10 TB was found only
/// with others, and whether conditions are heeded nowhere: the probe finds out.
const BACKBLAZE: Service = Service {
    descriptor: s3(
        "b2-s3",
        "Backblaze B2 (S3)",
        fields![any_region(
            "The middle of the bucket's endpoint, such as us-west-004 in s3.us-west-004.backblazeb2.com."
        )],
    ),
    endpoint: by_region("https://s3.{region}.backblazeb2.com"),
    limits: Limits {
        largest_part: 5 * GB,
        largest_object: 10 * TB,
        ..Limits::AMAZON
    },
};

/// Limits: "Spaces Limits" (docs.digitalocean.com/products/spaces/details/limits): PUTs and parts of 5 GB, 10,000
/// parts, 5 TB; ten writes of one object at once, which is no limit here, as one is written at a time. The same page
/// says that listings (V2) cannot be continued: the probe continues one before it believes any.
/// Regions: as rclone lists them (backend/s3/provider/DigitalOcean.yaml), and signed for as the SDK examples of
/// DigitalOcean's documents have it ("use the region in your endpoint").
const SPACES: Service = Service {
    descriptor: s3(
        "spaces",
        "DigitalOcean Spaces",
        fields![region_of(&[
            "ams3", "blr1", "fra1", "lon1", "nyc3", "sfo2", "sfo3", "sgp1", "syd1", "tor1",
        ])],
    ),
    endpoint: by_region("https://{region}.digitaloceanspaces.com"),
    limits: FIVE_TB,
};

/// Regions and address: "Service URLs for Wasabi's Storage Regions" (docs.wasabi.com, of 2026-03-06). That objects have
/// at most 5 TB and PUTs 5 GB was found as a quotation of Wasabi's questions and answers (pglombardo/PasswordPusher
/// #1895); of conditions nothing was found.
const WASABI: Service = Service {
    descriptor: s3(
        "wasabi",
        "Wasabi",
        fields![region_of(&[
            "us-east-1",
            "us-east-2",
            "us-central-1",
            "us-west-1",
            "us-west-2",
            "ca-central-1",
            "eu-central-1",
            "eu-central-2",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "eu-south-1",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-southeast-1",
            "ap-southeast-2",
        ])],
    ),
    endpoint: by_region("https://s3.{region}.wasabisys.com"),
    limits: FIVE_TB,
};

/// Address: the endpoints that Linode's API names (`s3_endpoint` in @linode/api-v4, object-storage/types: "the hostname
/// prefix for the region (e.g. us-east-1.linodeobjects.com)"). New ones keep coming with the endpoint types E2 and E3
/// ("Endpoint types", techdocs.akamai.com), so none are listed. Limits of one object were not found there; of Ceph,
/// which it is made of, 5 TB and 5 GB ("S3 limitations", IBM Storage Ceph).
const LINODE: Service = Service {
    descriptor: s3(
        "linode",
        "Linode (Akamai)",
        fields![any_region(
            "The beginning of the bucket's endpoint, such as us-ord-1 in us-ord-1.linodeobjects.com."
        )],
    ),
    endpoint: by_region("https://{region}.linodeobjects.com"),
    limits: FIVE_TB,
};

/// Regions and address: "Endpoints and storage locations" (cloud.ibm.com/docs/cloud-object-storage, of 2026-02-25), the
/// public ones: across regions, regional, of one data centre. Limits: 10,000 parts of 5 GB, 10 TB ("Uploading objects in
/// multiple parts", IBM COS). The ETag of an upload in parts is no MD5 of MD5s (rclone, backend/s3/provider/IBMCOS.yaml),
/// which every write finds out by itself.
const IBM: Service = Service {
    descriptor: s3(
        "ibm-cos",
        "IBM Cloud Object Storage",
        fields![region_of(&[
            "us", "eu", "ap", "us-south", "us-east", "eu-gb", "eu-de", "eu-es", "au-syd", "jp-tok",
            "jp-osa", "ca-tor", "ca-mon", "br-sao", "ams03", "che01", "mil01", "mon01", "par01",
            "sjc04", "sng01"
        ])],
    ),
    endpoint: by_region("https://s3.{region}.cloud-object-storage.appdomain.cloud"),
    limits: Limits {
        largest_part: 5 * GB,
        largest_object: 10 * TB,
        ..Limits::AMAZON
    },
};

/// Address: "Host Style Support in Object Storage for Amazon S3 Compatibility API" (docs.oracle.com, s3-virtual-style),
/// with the bucket in the path, since only buckets that were made for it have host names. Limits: 10,000 parts, 10 TiB
/// (docs.oracle.com, usingmultipartuploads). Its regions are too many to list.
const ORACLE: Service = Service {
    descriptor: s3(
        "oracle-s3",
        "Oracle Cloud (S3)",
        fields![
            account(
                "Namespace",
                "The Object Storage namespace of the tenancy, as its details page shows it."
            ),
            any_region("The identifier of the region, such as eu-frankfurt-1.")
        ],
    ),
    endpoint: by_region("https://{account}.compat.objectstorage.{region}.oci.customer-oci.com"),
    limits: Limits {
        largest_object: 10 * TIB,
        ..Limits::AMAZON
    },
};

/// Regions and address: "Endpoints and Object Storage geoavailability" (ovh/docs, s3_location, of 2026-02-03); those of
/// OVHcloud US from rclone (backend/s3/provider/OVHcloud.yaml). Limits: "Technical Limitations" (ovh/docs,
/// s3_limitations): PUTs and parts of 5 GB, 10,000 parts.
const OVH: Service = Service {
    descriptor: s3(
        "ovh-s3",
        "OVHcloud Object Storage",
        fields![region_of(&[
            "gra",
            "rbx",
            "sbg",
            "eu-west-par",
            "eu-south-mil",
            "de",
            "uk",
            "waw",
            "bhs",
            "ca-east-tor",
            "sgp",
            "ap-southeast-syd",
            "ap-south-mum",
            "us-east-va",
            "us-west-or",
        ])],
    ),
    endpoint: Endpoint::Follows {
        pattern: "https://s3.{region}.io.cloud.ovh.net",
        except: &[
            ("us-east-va", "https://s3.{region}.io.cloud.ovh.us"),
            ("us-west-or", "https://s3.{region}.io.cloud.ovh.us"),
        ],
        signed_for: None,
    },
    limits: Limits {
        largest_part: 5 * GB,
        ..Limits::AMAZON
    },
};

/// Address: "Object Storage - Concepts" (scaleway.com/en/docs). Limits: 1 to 1,000 parts of 5 MB to 5 GB, 5 TB
/// ("Managing multipart uploads" there). Regions as rclone lists them (backend/s3/provider/Scaleway.yaml).
const SCALEWAY: Service = Service {
    descriptor: s3(
        "scaleway",
        "Scaleway Object Storage",
        fields![region_of(&["fr-par", "nl-ams", "pl-waw", "it-mil"])],
    ),
    endpoint: by_region("https://s3.{region}.scw.cloud"),
    limits: Limits {
        most_parts: 1_000,
        ..FIVE_TB
    },
};

/// Address and jurisdictions: "Authentication" (developers.cloudflare.com/r2/api/tokens); the region is `auto` ("S3 API
/// compatibility"). Limits ("Limits" there): uploads of 5 GiB less 5 MiB, objects of 5 TiB less 5 GiB, one write a
/// second to one key, or 429. Parts of one size but the last ("Multipart upload" there, which also says that ETags of
/// uploads in parts are Amazon's since June 2023).
const R2: Service = Service {
    descriptor: s3(
        "r2",
        "Cloudflare R2",
        &[
            account(
                "Account ID",
                "The ID of the Cloudflare account, 32 characters long.",
            ),
            JURISDICTION,
            BUCKET,
            PREFIX,
            MULTIPART_THRESHOLD,
            PART_SIZE,
            ACCESS_KEY_ID,
            SECRET_ACCESS_KEY,
            SESSION_TOKEN,
        ],
    ),
    endpoint: Endpoint::Follows {
        pattern: "https://{account}.r2.cloudflarestorage.com",
        except: &[
            ("eu", "https://{account}.eu.r2.cloudflarestorage.com"),
            (
                "fedramp",
                "https://{account}.fedramp.r2.cloudflarestorage.com",
            ),
        ],
        signed_for: Some("auto"),
    },
    limits: Limits {
        largest_part: 5 * GIB - 5 * MIB,
        largest_object: 5 * TIB - 5 * GIB,
        equal_parts: true,
        writes_per_key: Some(1),
        ..Limits::AMAZON
    },
};

/// Google Cloud Storage by HMAC keys, which only its XML API takes ("HMAC keys", cloud.google.com/storage/docs/
/// authentication/hmackeys). That S3's requests and signatures do there, with another address and key: "Simple migration
/// from Amazon S3 to Cloud Storage" (aws-simple-migration). The region is `auto`, as its samples for Amazon's SDKs have
/// it. Parts: "XML API multipart uploads", which are made to be like Amazon's, take no preconditions, and leave objects
/// without an MD5. Objects of 5 TiB, one write a second to one name: "Quotas & limits". Whether a condition is heeded the
/// probe finds out.
const GOOGLE: Service = Service {
    descriptor: s3("gcs-hmac", "Google Cloud Storage, by HMAC keys", fields![]),
    endpoint: Endpoint::Follows {
        pattern: "https://storage.googleapis.com",
        except: &[],
        signed_for: Some("auto"),
    },
    limits: Limits {
        largest_object: 5 * TIB,
        writes_per_key: Some(1),
        ..Limits::AMAZON
    },
};

/// MinIO, Garage, Ceph, SeaweedFS and all others, and regions that are newer than the rows above. Their limits differ
/// and can be typed.
const OTHER: Service = Service {
    descriptor: s3(
        "s3-compatible",
        "Another service that speaks S3",
        &[
            OTHER_ENDPOINT,
            REGION,
            BUCKET,
            PREFIX,
            PATH_STYLE,
            MULTIPART_THRESHOLD,
            PART_SIZE,
            MOST_PARTS,
            LARGEST_COPY,
            ACCESS_KEY_ID,
            SECRET_ACCESS_KEY,
            SESSION_TOKEN,
        ],
    ),
    endpoint: Endpoint::Typed,
    limits: Limits::AMAZON,
};
