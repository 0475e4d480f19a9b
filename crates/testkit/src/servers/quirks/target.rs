//! What a request is about: which object, and what is to be done with it.

use std::collections::BTreeMap;

use crate::servers::message::Message;

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Lists a bucket.
    List,
    /// Writes an object.
    Put,
    /// Makes an object out of another.
    Copy,
    /// Sends a part.
    Part,
    /// Makes an object of an upload's parts.
    Finish,
    /// Deletes an object.
    Delete,
    /// Whatever else: reads, looks, begins, aborts.
    Other,
}

impl Action {
    /// Whether another object is at the key afterwards, or none.
    pub(super) const fn changes_object(self) -> bool {
        matches!(self, Self::Put | Self::Copy | Self::Finish | Self::Delete)
    }
}

/// A request taken apart.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) method: String,
    /// Bucket and key, decoded, without a slash before them.
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) action: Action,
}

impl Target {
    pub(super) fn new(request: &Message) -> Self {
        let mut words = request.start.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let address = words.next().unwrap_or_default();
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let path = decoded(path.trim_start_matches('/'));
        let query: BTreeMap<_, _> = query
            .split('&')
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decoded(name), decoded(value))
            })
            .collect();
        let has = |name: &str| query.contains_key(name);
        let names_object = path.split_once('/').is_some_and(|(_, key)| !key.is_empty());
        let action = match &*method {
            "GET" if has("list-type") || has("versions") => Action::List,
            "PUT" if names_object && has("partNumber") => Action::Part,
            "PUT" if names_object && request.header("x-amz-copy-source").is_some() => Action::Copy,
            "PUT" if names_object => Action::Put,
            "POST" if names_object && has("uploadId") => Action::Finish,
            "DELETE" if names_object && !has("uploadId") => Action::Delete,
            _ => Action::Other,
        };
        Self {
            method,
            path,
            query,
            action,
        }
    }
}

/// Text without its percent signs; bytes that are no text are replaced.
pub(super) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3);
        let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
