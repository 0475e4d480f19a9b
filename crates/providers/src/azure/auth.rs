//! Who asks: a signature by the account's key, or a shared access signature (SAS).
//!
//! "Authorize with Shared Key" and "Create an account SAS" (Microsoft Learn, storageservices).

use aws_smithy_types::base64;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName};
use sha2::Sha256;
use tandem_core::time::Timestamp;
use url::Url;

/// How long a request may be on its way, in seconds: "no older than 15 minutes" (Authorize with Shared Key, Specifying
/// the Date header).
pub(super) const MOST_SKEW: u64 = 15 * 60;

/// The headers of a signature that are no `x-ms-` ones, in their order; an empty `Date` stands between, as `x-ms-date` is
/// sent, and no range, as `x-ms-range` is.
const SIGNED: [&str; 5] = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
];
const SIGNED_AFTER_DATE: [&str; 5] = [
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

/// What lets a request in.
#[derive(Clone)]
pub(super) enum Auth {
    /// The key of the account, decoded.
    Key(Vec<u8>),
    /// A SAS: the query that every address gets, without its question mark.
    Sas(String),
}

impl Auth {
    /// Makes a request one of the account's: its `Authorization`, or another address.
    pub(super) fn sign(
        &self,
        account: &str,
        method: &Method,
        url: &mut Url,
        headers: &HeaderMap,
    ) -> Option<String> {
        match self {
            Self::Key(key) => {
                let text = string_to_sign(account, method, url, headers);
                let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
                mac.update(text.as_bytes());
                let signature = base64::encode(mac.finalize().into_bytes());
                Some(format!("SharedKey {account}:{signature}"))
            }
            Self::Sas(_) => {
                *url = self.shown(url);
                None
            }
        }
    }

    /// `url` with the SAS, where that is what lets in.
    pub(super) fn shown(&self, url: &Url) -> Url {
        let mut url = url.clone();
        if let Self::Sas(sas) = self {
            let query = match url.query() {
                Some(query) if !query.is_empty() => format!("{query}&{sas}"),
                _ => sas.clone(),
            };
            url.set_query(Some(&query));
        }
        url
    }

    /// The time that a SAS ends (`se`) or begins (`st`) at, where it says so.
    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        let Self::Sas(sas) = self else { return None };
        let mut pairs = url::form_urlencoded::parse(sas.as_bytes());
        let (_, text) = pairs.find(|(key, _)| key == name)?;
        // The hour alone, or the day alone, are allowed too (ISO 8601 forms in "Create an account SAS").
        let text = match text.len() {
            10 => format!("{text}T00:00:00Z"),
            17 => text.replace('Z', ":00Z"),
            _ => text.into_owned(),
        };
        crate::objects::metadata::parse_time(&text)
    }
}

fn string_to_sign(account: &str, method: &Method, url: &Url, headers: &HeaderMap) -> String {
    let value = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        // From version 2015-02-21 on a length of zero is an empty string.
        value.filter(|value| (name, *value) != ("content-length", "0"))
    };
    let mut text = format!("{method}\n");
    for name in SIGNED {
        text += value(name).unwrap_or_default();
        text.push('\n');
    }
    text.push('\n');
    for name in SIGNED_AFTER_DATE {
        text += value(name).unwrap_or_default();
        text.push('\n');
    }
    let mut own: Vec<&HeaderName> = headers.keys().collect();
    own.retain(|name| name.as_str().starts_with("x-ms-"));
    own.sort_by_key(|name| collation(name.as_str()));
    for name in own {
        text += &format!(
            "{name}:{}\n",
            value(name.as_str()).unwrap_or_default().trim()
        );
    }
    text += &format!("/{account}{}", url.path());
    let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    pairs.sort();
    for (name, value) in pairs {
        text += &format!("\n{}:{value}", name.to_lowercase());
    }
    text
}

/// The server sorts names as words of a language are: hyphens do not count but between equals, and `_` comes before
/// digits (`compareHeader` of azure-sdk-for-js, sdk/storage/storage-common).
fn collation(name: &str) -> (String, String) {
    let weighed = name.chars().filter(|c| *c != '-');
    let weighed = weighed.map(|c| if c == '_' { ' ' } else { c });
    (weighed.collect(), name.to_owned())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    /// The example of "Authorize with Shared Key": a listing of a container's metadata.
    #[test]
    fn a_request_is_signed_as_the_documents_have_it() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT"),
            ("x-ms-version", "2015-02-21"),
            ("content-length", "0"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let url = "https://myaccount.blob.core.windows.net/mycontainer?restype=container&comp=metadata&timeout=20";
        let text = string_to_sign("myaccount", &Method::GET, &url.parse().unwrap(), &headers);
        assert_eq!(
            text,
            "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n\
             /myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"
        );
    }

    #[test]
    fn names_are_sorted_as_the_server_sorts_them() {
        let mut names = [
            "x-ms-meta-a1",
            "x-ms-meta-a_b",
            "x-ms-meta-ab",
            "x-ms-meta-a",
        ];
        names.sort_by_key(|name| collation(name));
        assert_eq!(
            names,
            [
                "x-ms-meta-a",
                "x-ms-meta-a_b",
                "x-ms-meta-a1",
                "x-ms-meta-ab"
            ]
        );
    }

    #[test]
    fn a_sas_goes_with_the_address_and_says_when_it_ends() {
        let auth = Auth::Sas(
            "sv=2023-11-03&se=2026-11-22T10%3A00%3A00Z&st=2026-11-21&sig=a%2Bb".to_owned(),
        );
        let url: Url = "https://a.example/c/b?comp=block".parse().unwrap();
        let shown = auth.shown(&url).to_string();
        assert!(shown.ends_with(
            "/c/b?comp=block&sv=2023-11-03&se=2026-11-22T10%3A00%3A00Z&st=2026-11-21&sig=a%2Bb"
        ));
        assert_eq!(auth.time("se"), Some(Timestamp::from_secs(1_795_341_600)));
        assert_eq!(auth.time("st"), Some(Timestamp::from_secs(1_795_219_200)));
    }
}
