//! A request of the API as it arrived, and the answer to it.

use std::collections::BTreeMap;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::refusal::Refusal;

/// A request, read as far as it came.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    /// The path as it was sent, for rules that look for a part of it.
    pub(super) target: String,
    /// The decoded segments of the path: an object's name is one, whatever slashes it has ("Encoding URI path parts",
    /// cloud.google.com/storage/docs/request-endpoints#encoding).
    pub(super) path: Vec<String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Bytes,
    /// Whether the body came to its end.
    pub(super) is_whole: bool,
}

impl Request {
    /// One without a body yet.
    pub(super) fn new(method: &str, target: &str, headers: BTreeMap<String, String>) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            path: path.split('/').skip(1).map(decoded).collect(),
            query: form(query),
            headers,
            body: Bytes::new(),
            is_whole: true,
        }
    }

    /// A parameter of the query.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A parameter that is a number.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let number = self.param(name).map(str::parse).transpose();
        number.map_err(|_| Refusal::invalid(&format!("Invalid value for {name}")))
    }

    /// Whether a parameter is `true`; Google's client for Python writes it with a capital letter.
    pub(super) fn is_set(&self, name: &str) -> bool {
        let value = self.param(name);
        value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Whether it is sent to an upload's session.
    pub(super) fn has_session(&self) -> bool {
        self.query.contains_key("upload_id")
    }

    /// A header, by its name in small letters.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Where the client thinks that it is talking to.
    pub(super) fn origin(&self) -> String {
        format!("http://{}", self.header("host").unwrap_or("127.0.0.1"))
    }

    /// The body as JSON; nothing where there is none.
    pub(super) fn json(&self) -> Result<Value, Refusal> {
        json(&self.body)
    }
}

/// A body as JSON; nothing where there is none.
pub(super) fn json(body: &[u8]) -> Result<Value, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(body).map_err(|_| Refusal::new(400, "parseError", "Parse Error"))
}

/// What a form or a query says (`application/x-www-form-urlencoded`).
pub(super) fn form(text: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

impl Answer {
    /// One without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// One with a resource.
    pub(super) fn json(status: u16, value: &Value) -> Self {
        Self::of(status, "application/json; charset=UTF-8", value.to_string())
    }

    /// One with a body of this type.
    pub(super) fn of(status: u16, kind: &str, body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            ..Self::empty(status)
        }
        .with("content-type", kind)
    }

    /// The same with another header.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}
