//! The answer to PROPFIND (RFC 4918, section 13), with Nextcloud's properties (basic.html, "Supported properties").

use super::request::{Area, Request, encoded};
use super::tree::Node;
use crate::servers::message::Message;

/// Quota left where there is no limit (basic.html: "Unlimited free space").
const UNLIMITED: i64 = -3;

/// Names of properties that were asked for; where none were, what sabre/dav shows anyway.
pub(super) fn asked(body: &[u8]) -> Vec<String> {
    let body = String::from_utf8_lossy(body);
    let Some((_, rest)) = body
        .split_once("prop>")
        .or_else(|| body.split_once("prop "))
    else {
        let usual = [
            "resourcetype",
            "getetag",
            "getcontentlength",
            "getlastmodified",
        ];
        return usual.map(|name| format!("DAV: {name}")).into();
    };
    let prefixes = prefixes(&body);
    let names = rest
        .split('<')
        .skip(1)
        .take_while(|name| !name.starts_with('/'));
    names
        .filter_map(|name| {
            let name = name.split(['/', '>', ' ']).next()?;
            let (prefix, local) = name.split_once(':').unwrap_or(("", name));
            let namespace = prefixes.iter().find(|(known, _)| known == prefix)?;
            Some(format!("{} {local}", namespace.1))
        })
        .collect()
}

/// Which prefix stands for which namespace.
fn prefixes(body: &str) -> Vec<(String, String)> {
    let declared = body.split("xmlns").skip(1);
    declared
        .filter_map(|rest| {
            let (prefix, rest) = rest.split_once('=')?;
            let quote = rest.chars().next()?;
            let uri = rest[1..].split(quote).next()?;
            Some((
                prefix.trim_start_matches(':').trim().to_owned(),
                uri.to_owned(),
            ))
        })
        .collect()
}

/// A node as an answer shows it.
pub(super) struct Shown<'a> {
    /// In the part of the server that the request is about.
    path: String,
    pub(super) node: &'a Node,
    /// Where something in the trash bin was, and when it was deleted.
    pub(super) trashed: Option<(&'a str, i64)>,
}

impl<'a> Shown<'a> {
    pub(super) const fn of(path: String, node: &'a Node) -> Self {
        Self {
            path,
            node,
            trashed: None,
        }
    }
}

/// An answer about `nodes`.
pub(super) fn multistatus<'a>(
    request: &Request<'_>,
    nodes: impl Iterator<Item = Shown<'a>>,
    used: u64,
    limit: Option<u64>,
) -> Message {
    let asked = asked(&request.message.body);
    let mut text = "<?xml version=\"1.0\"?>\n<d:multistatus xmlns:d=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\" \
         xmlns:oc=\"http://owncloud.org/ns\" xmlns:nc=\"http://nextcloud.org/ns\">"
        .to_owned();
    let left = limit.map_or(UNLIMITED, |limit| limit.saturating_sub(used).cast_signed());
    for shown in nodes {
        let (path, node) = (&shown.path, shown.node);
        let slash = if node.is_folder() && !path.is_empty() {
            "/"
        } else {
            ""
        };
        let href = format!("{}/{}{slash}", request.base, encoded(path));
        text.push_str(&format!("<d:response><d:href>{href}</d:href>"));
        let (mut found, mut missing) = (String::new(), String::new());
        for name in &asked {
            match property(name, &shown, request.area, used, left) {
                Some(value) => found.push_str(&value),
                None => missing.push_str(&empty(name)),
            }
        }
        for (props, status) in [(found, "200 OK"), (missing, "404 Not Found")] {
            if !props.is_empty() {
                text.push_str(&format!(
                    "<d:propstat><d:prop>{props}</d:prop><d:status>HTTP/1.1 {status}</d:status></d:propstat>"
                ));
            }
        }
        text.push_str("</d:response>");
    }
    text.push_str("</d:multistatus>");
    let headers = [("content-type", "application/xml; charset=utf-8")];
    Message::answer(207, &headers, text.into_bytes())
}

fn empty(name: &str) -> String {
    let (namespace, local) = name.rsplit_once(' ').unwrap_or(("", name));
    format!("<x:{local} xmlns:x=\"{namespace}\"/>")
}

fn property(name: &str, shown: &Shown<'_>, area: Area, used: u64, left: i64) -> Option<String> {
    let node = shown.node;
    let (namespace, local) = name.rsplit_once(' ')?;
    let file = |value: String| (!node.is_folder()).then_some(value);
    let folder = |value: String| node.is_folder().then_some(value);
    let value = match (namespace, local) {
        ("DAV:", "resourcetype") => folder("<d:collection/>".to_owned()).unwrap_or_default(),
        // The tops of what is kept are no items.
        ("DAV:", "getetag") | ("http://owncloud.org/ns", "fileid" | "id") if node.id == 0 => {
            return None;
        }
        // Of what is kept it is made of a time (apps/files_trashbin/lib/Sabre/TrashbinPlugin.php, apps/files_versions/
        // lib/Sabre/VersionFile.php).
        ("DAV:", "getetag") if matches!(area, Area::Trash | Area::Versions) => {
            node.mtime.to_string()
        }
        ("DAV:", "getetag") => node.tag().replace('"', "&quot;"),
        ("DAV:", "getlastmodified") => date(node.mtime),
        ("DAV:", "getcontentlength") => file(node.len().to_string())?,
        ("DAV:", "getcontenttype") => file("application/octet-stream".to_owned())?,
        ("DAV:", "quota-used-bytes") => folder(used.to_string())?,
        ("DAV:", "quota-available-bytes") => folder(left.to_string())?,
        ("http://owncloud.org/ns", "fileid") if area == Area::Versions => return None,
        ("http://owncloud.org/ns", "fileid") => node.id.to_string(),
        ("http://owncloud.org/ns", "id") if area == Area::Versions => return None,
        ("http://owncloud.org/ns", "id") => format!("{:08}octandem", node.id),
        ("http://owncloud.org/ns", "size") => node.len().to_string(),
        ("http://nextcloud.org/ns", "trashbin-filename") => {
            shown.trashed?.0.rsplit('/').next()?.to_owned()
        }
        ("http://nextcloud.org/ns", "trashbin-original-location") => shown.trashed?.0.to_owned(),
        ("http://nextcloud.org/ns", "trashbin-deletion-time") => shown.trashed?.1.to_string(),
        ("http://owncloud.org/ns", "permissions") => if node.is_folder() {
            "RGDNVCK"
        } else {
            "RGDNVW"
        }
        .to_owned(),
        ("http://owncloud.org/ns", "checksums") => {
            let checksum = node.checksum.as_ref()?;
            format!("<oc:checksum>{checksum}</oc:checksum>")
        }
        _ => return None,
    };
    let prefix = match namespace {
        "DAV:" => "d",
        "http://nextcloud.org/ns" => "nc",
        _ => "oc",
    };
    Some(format!("<{prefix}:{local}>{value}</{prefix}:{local}>"))
}

/// A date as HTTP writes it (RFC 9110, section 5.6.7).
pub(super) fn date(secs: i64) -> String {
    let (days, rest) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
    // 1970-01-01 was a Thursday. Years begin in March, so that a leap day is their last (Howard Hinnant,
    // "chrono-Compatible Low-Level Date Algorithms", civil_from_days).
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][days.rem_euclid(7) as usize];
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + era * 400 + i64::from(month >= 10);
    let name = [
        "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb",
    ][month as usize];
    let (hours, minutes, seconds) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{weekday}, {day:02} {name} {year} {hours:02}:{minutes:02}:{seconds:02} GMT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_as_http_wants_it() {
        for (secs, written) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (1_709_210_096, "Thu, 29 Feb 2024 12:34:56 GMT"),
        ] {
            assert_eq!(date(secs), written);
        }
    }

    #[test]
    fn what_was_asked_for_is_known_under_any_prefix() {
        let body = b"<?xml version=\"1.0\"?><a:propfind xmlns:a=\"DAV:\" xmlns:o='http://owncloud.org/ns'>\
            <a:prop><a:getetag/><o:fileid /></a:prop></a:propfind>";
        assert_eq!(
            asked(body),
            ["DAV: getetag", "http://owncloud.org/ns fileid"]
        );
    }
}
