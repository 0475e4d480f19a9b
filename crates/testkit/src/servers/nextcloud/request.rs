//! A request, taken apart.

use super::super::message::Message;
use super::USERNAME;

/// What part of the server a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    Files,
    Uploads,
    Trash,
    Versions,
    Elsewhere,
}

/// A request.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) area: Area,
    /// The path in that part: `a/b.txt`, without slashes around it.
    pub(super) path: String,
    /// The path of the address, as far as it names the part: what addresses in an answer begin with.
    pub(super) base: String,
    pub(super) message: &'a Message,
}

impl<'a> Request<'a> {
    /// `None` where it is none.
    pub(super) fn new(message: &'a Message) -> Option<Self> {
        let mut words = message.start.split(' ');
        let (method, address) = (words.next()?, words.next()?);
        let (area, base, path) = place(address)?;
        Some(Self {
            method,
            area,
            path,
            base,
            message,
        })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.message.header(name)
    }

    /// The part and the path of the header `Destination`.
    pub(super) fn destination(&self) -> Option<(Area, String)> {
        let (area, _, path) = place(self.header("destination")?)?;
        Some((area, path))
    }

    /// The time that a client gives a file (basic.html, "Special Headers").
    pub(super) fn mtime(&self) -> Option<i64> {
        self.header("x-oc-mtime")?.parse().ok()
    }
}

/// The part that an address or its path names, its beginning, and the path in it.
pub(super) fn place(address: &str) -> Option<(Area, String, String)> {
    let path = match address.find("://") {
        Some(at) => {
            let rest = &address[at + 3..];
            &rest[rest.find('/')?..]
        }
        None => address,
    };
    let path = path.split('?').next()?;
    for (area, name) in [
        (Area::Files, "files"),
        (Area::Uploads, "uploads"),
        (Area::Trash, "trashbin"),
        (Area::Versions, "versions"),
    ] {
        let base = format!("/remote.php/dav/{name}/{USERNAME}");
        if let Some(rest) = path.strip_prefix(&base)
            && (rest.is_empty() || rest.starts_with('/'))
        {
            return Some((area, base, decoded(rest.trim_matches('/'))?));
        }
    }
    Some((Area::Elsewhere, String::new(), String::new()))
}

/// Without the percent signs of an address; `None` if it is no text then.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(more.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &more[2..];
        } else {
            bytes.push(*first);
            rest = more;
        }
    }
    String::from_utf8(bytes).ok()
}

/// A path as addresses hold it.
pub(super) fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}
