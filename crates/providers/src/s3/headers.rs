//! The headers that an object keeps, as the SDK names them.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::StorageClass;

use crate::objects::object::Headers;

const CACHE_CONTROL: &str = "cache-control";
const DISPOSITION: &str = "content-disposition";
const ENCODING: &str = "content-encoding";
const LANGUAGE: &str = "content-language";
const TYPE: &str = "content-type";
const EXPIRES: &str = "expires";
const CLASS: &str = "x-amz-storage-class";
const REDIRECT: &str = "x-amz-website-redirect-location";

/// What a copy with new metadata has to be given again, since it replaces the old ("CopyObject", API Reference).
#[derive(Debug, Clone, Default)]
pub(super) struct Described {
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) expires: Option<DateTime>,
    pub(super) storage_class: Option<StorageClass>,
    pub(super) website_redirect: Option<String>,
}

/// Gives a request all headers of content.
macro_rules! describe {
    ($request:expr, $headers:expr) => {
        $request
            .set_cache_control($headers.cache_control.clone())
            .set_content_disposition($headers.content_disposition.clone())
            .set_content_encoding($headers.content_encoding.clone())
            .set_content_language($headers.content_language.clone())
            .set_content_type($headers.content_type.clone())
            .set_expires($headers.expires)
    };
}
pub(super) use describe;

impl Described {
    pub(super) fn of(headers: &Headers) -> Self {
        let get = |name: &str| headers.get(name).cloned();
        let date = |text: String| DateTime::from_str(&text, DateTimeFormat::HttpDate).ok();
        Self {
            cache_control: get(CACHE_CONTROL),
            content_disposition: get(DISPOSITION),
            content_encoding: get(ENCODING),
            content_language: get(LANGUAGE),
            content_type: get(TYPE),
            expires: get(EXPIRES).and_then(date),
            storage_class: get(CLASS).map(|class| class.as_str().into()),
            website_redirect: get(REDIRECT),
        }
    }
}

/// What a HEAD shows of them.
pub(super) fn headers(head: &HeadObjectOutput) -> Headers {
    let class = head.storage_class().map(StorageClass::as_str);
    let all = [
        (CACHE_CONTROL, head.cache_control()),
        (DISPOSITION, head.content_disposition()),
        (ENCODING, head.content_encoding()),
        (LANGUAGE, head.content_language()),
        (TYPE, head.content_type()),
        (EXPIRES, head.expires_string()),
        (CLASS, class),
        (REDIRECT, head.website_redirect_location()),
    ];
    let there = all
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?.to_owned())));
    there.collect()
}

/// What new content at the same key is given again. A class that has to be restored before it can be read is left to the
/// rules that put the old content there.
pub(super) fn for_new_content(headers: &Headers) -> Headers {
    let archives = [StorageClass::Glacier, StorageClass::DeepArchive];
    let is_kept = |name: &str, value: &str| {
        name != CLASS || archives.iter().all(|class| class.as_str() != value)
    };
    let kept = headers.iter().filter(|(name, value)| is_kept(name, value));
    kept.map(|(name, value)| (*name, value.clone())).collect()
}
