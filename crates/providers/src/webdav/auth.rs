//! Showing who asks: Basic (RFC 7617), Digest (RFC 7616), a bearer token (RFC 6750).
//!
//! Over a protected line the password goes with the first request. Over plain http the server is heard first, so that
//! a password is not sent where the server would have taken a digest of it.

use std::sync::{Mutex, PoisonError};

use aws_smithy_types::base64;
use md5::Md5;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use sha2::{Digest, Sha256};

use super::settings::{Login, Settings};
use crate::hashes::hex;

/// What a server asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Scheme {
    Basic,
    Digest(Challenge),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha256,
}

/// A challenge of the Digest scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    /// Whether the algorithm's name ends in `-sess`.
    is_session: bool,
    /// Whether `qop=auth` is offered; without it the old form of RFC 2069 holds.
    has_qop: bool,
    /// Whether it only replaces a nonce that has grown old.
    is_stale: bool,
}

#[derive(Debug)]
struct State {
    scheme: Option<Scheme>,
    /// How often the nonce was used.
    count: u32,
    /// Whether it was accepted since it was learnt.
    works: bool,
}

/// How one request showed who asks.
pub(super) struct Shown {
    pub(super) value: HeaderValue,
    /// `None` for a token, which nothing is asked about.
    scheme: Option<Scheme>,
}

/// How requests of one storage show who asks.
pub(super) struct Auth {
    login: Login,
    state: Mutex<State>,
}

impl Auth {
    pub(super) fn new(settings: &Settings) -> Self {
        let state = State {
            scheme: (!settings.plain).then_some(Scheme::Basic),
            count: 0,
            works: false,
        };
        Self {
            login: settings.login.clone(),
            state: Mutex::new(state),
        }
    }

    /// The header for a request. `target` is path and query as they are sent; `random` makes the client's nonce.
    pub(super) fn show(&self, method: &str, target: &str, random: u64) -> Option<Shown> {
        let (text, scheme) = match &self.login {
            Login::None => return None,
            Login::Token(token) => (format!("Bearer {token}"), None),
            Login::Password { user, password } => {
                let mut state = self.state();
                state.count = state.count.saturating_add(1);
                let text = match state.scheme.as_ref()? {
                    Scheme::Basic => basic(user, password),
                    Scheme::Digest(challenge) => challenge.answer(
                        (user, password),
                        (method, target),
                        (state.count, &format!("{random:016x}")),
                    ),
                };
                (text, state.scheme.clone())
            }
        };
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(Shown { value, scheme })
    }

    /// A request that showed this was let in.
    pub(super) fn was_accepted(&self, shown: Option<&Shown>) {
        if shown.is_some() {
            self.state().works = true;
        }
    }

    /// After a 401: whether its challenge asks for something else than what was shown, so that asking again may do.
    pub(super) fn is_news(&self, shown: Option<&Shown>, headers: &HeaderMap) -> bool {
        let has_password = matches!(self.login, Login::Password { .. });
        let Some(asked) = asked(headers).filter(|_| has_password) else {
            return false;
        };
        let mut state = self.state();
        let is_news = match (shown.and_then(|shown| shown.scheme.as_ref()), &asked) {
            (None, _) | (Some(Scheme::Basic), Scheme::Digest(_)) => true,
            (Some(Scheme::Digest(old)), Scheme::Digest(new)) => {
                let is_replaced =
                    matches!(&state.scheme, Some(Scheme::Digest(now)) if now.nonce != old.nonce);
                if is_replaced {
                    return true;
                }
                // A nonce that worked and does no more has grown old, whether or not the server says so.
                new.is_stale || state.works
            }
            (Some(_), Scheme::Basic) => false,
        };
        if is_news {
            *state = State {
                scheme: Some(asked),
                count: 0,
                works: false,
            };
        }
        is_news
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn basic(user: &str, password: &str) -> String {
    let encoded = base64::encode(format!("{user}:{password}"));
    format!("Basic {encoded}")
}

impl Algorithm {
    fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&Md5::digest(text)),
            Self::Sha256 => hex(&Sha256::digest(text)),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }
}

impl Challenge {
    fn of(parameters: &[(String, String)]) -> Option<Self> {
        let find = |key: &str| {
            let mut all = parameters.iter();
            all.find(|(name, _)| name == key)
                .map(|(_, value)| value.as_str())
        };
        let algorithm = find("algorithm").unwrap_or("MD5").to_ascii_uppercase();
        let (name, is_session) = match algorithm.strip_suffix("-SESS") {
            Some(name) => (name, true),
            None => (&*algorithm, false),
        };
        let qop = find("qop");
        let offers_auth = |qop: &str| {
            qop.split(',')
                .any(|one| one.trim().eq_ignore_ascii_case("auth"))
        };
        if qop.is_some_and(|qop| !offers_auth(qop)) {
            return None;
        }
        Some(Self {
            realm: find("realm").unwrap_or_default().to_owned(),
            nonce: find("nonce")?.to_owned(),
            opaque: find("opaque").map(str::to_owned),
            algorithm: match name {
                "MD5" => Algorithm::Md5,
                "SHA-256" => Algorithm::Sha256,
                _ => return None,
            },
            is_session,
            has_qop: qop.is_some(),
            is_stale: find("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }

    /// The header that answers it (RFC 7616, section 3.4).
    fn answer(
        &self,
        (user, password): (&str, &str),
        (method, target): (&str, &str),
        (count, own_nonce): (u32, &str),
    ) -> String {
        let hash = |text: String| self.algorithm.hash(&text);
        let Self { realm, nonce, .. } = self;
        let mut secret = hash(format!("{user}:{realm}:{password}"));
        if self.is_session {
            secret = hash(format!("{secret}:{nonce}:{own_nonce}"));
        }
        let request = hash(format!("{method}:{target}"));
        let (response, qop) = if self.has_qop {
            let middle = format!("{nonce}:{count:08x}:{own_nonce}:auth");
            let qop = format!(", qop=auth, nc={count:08x}, cnonce=\"{own_nonce}\"");
            (hash(format!("{secret}:{middle}:{request}")), qop)
        } else {
            (hash(format!("{secret}:{nonce}:{request}")), String::new())
        };
        let opaque = self.opaque.as_ref();
        let opaque = opaque.map_or_else(String::new, |opaque| format!(", opaque=\"{opaque}\""));
        let session = if self.is_session { "-sess" } else { "" };
        format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{nonce}\", uri=\"{target}\", \
             algorithm={}{session}, response=\"{response}\"{qop}{opaque}",
            quoted(user),
            quoted(realm),
            self.algorithm.name(),
        )
    }
}

/// The inside of a quoted string (RFC 9110, section 5.6.4).
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// The strongest scheme that is offered and known.
fn asked(headers: &HeaderMap) -> Option<Scheme> {
    let offers = headers.get_all(WWW_AUTHENTICATE).iter();
    let offers: Vec<_> = offers
        .filter_map(|value| value.to_str().ok())
        .flat_map(challenges)
        .collect();
    let digests = offers.iter().filter(|(scheme, _)| scheme == "digest");
    let digests = digests.filter_map(|(_, parameters)| Challenge::of(parameters));
    let strongest = digests.max_by_key(|challenge| challenge.algorithm == Algorithm::Sha256);
    let has_basic = || offers.iter().any(|(scheme, _)| scheme == "basic");
    strongest
        .map(Scheme::Digest)
        .or_else(|| has_basic().then_some(Scheme::Basic))
}

/// The challenges in one header: each a scheme in small letters with its parameters (RFC 9110, section 11.6.1).
fn challenges(header: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for piece in pieces(header) {
        let (before, value) = match piece.split_once('=') {
            Some((before, value)) => (before.trim(), Some(value.trim())),
            None => (piece.trim(), None),
        };
        // `Digest realm="x"` begins a challenge, `nonce="y"` goes on with it.
        let key = match (before.split_once(char::is_whitespace), value) {
            (Some((scheme, key)), _) => {
                found.push((scheme.to_ascii_lowercase(), Vec::new()));
                key.trim()
            }
            (None, None) => {
                found.push((before.to_ascii_lowercase(), Vec::new()));
                continue;
            }
            (None, Some(_)) => before,
        };
        if let (Some(value), Some((_, parameters))) = (value, found.last_mut()) {
            parameters.push((key.to_ascii_lowercase(), unquoted(value)));
        }
    }
    found
}

/// Splits at the commas that stand outside of quotes.
fn pieces(header: &str) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped, mut from) = (false, false, 0);
    let mut pieces = Vec::new();
    for (at, c) in header.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => {
                pieces.push(&header[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(&header[from..]);
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

fn unquoted(value: &str) -> String {
    let inside = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let Some(inside) = inside else {
        return value.to_owned();
    };
    let mut text = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        let values = values.iter();
        values
            .map(|value| (WWW_AUTHENTICATE, HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn basic_is_as_the_rfc_shows_it() {
        // RFC 7617, section 2.
        assert_eq!(
            basic("Aladdin", "open sesame"),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
    }

    #[test]
    fn a_token_is_shown_as_it_is_and_never_asked_about() {
        let auth = Auth {
            login: Login::Token("mF_9.B5f-4.1JqM".to_owned()),
            state: Mutex::new(State {
                scheme: None,
                count: 0,
                works: false,
            }),
        };
        let shown = auth.show("GET", "/", 1).unwrap();
        // RFC 6750, section 2.1.
        assert_eq!(shown.value, "Bearer mF_9.B5f-4.1JqM");
        assert!(shown.value.is_sensitive());
        let asked = headers(&["Basic realm=\"r\""]);
        assert!(!auth.is_news(Some(&shown), &asked));
    }

    #[test]
    fn digests_are_as_the_rfc_shows_them() {
        // RFC 7616, section 3.9.1.
        let offered = headers(&[
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=MD5, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
        ]);
        let Some(Scheme::Digest(mut challenge)) = asked(&offered) else {
            panic!("no challenge was found");
        };
        let own_nonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let answer = |challenge: &Challenge| {
            challenge.answer(
                ("Mufasa", "Circle of Life"),
                ("GET", "/dir/index.html"),
                (1, own_nonce),
            )
        };
        assert!(answer(&challenge).contains("response=\"8ca523f5e9506fed4657c9700eebdbec\""));
        challenge.algorithm = Algorithm::Sha256;
        assert!(answer(&challenge).contains(
            "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\""
        ));
    }

    #[test]
    fn a_wrong_password_is_sent_once_and_an_old_nonce_is_replaced() {
        let password = Login::Password {
            user: "me".to_owned(),
            password: "hunter2".to_owned(),
        };
        let auth = Auth {
            login: password,
            state: Mutex::new(State {
                scheme: None,
                count: 0,
                works: false,
            }),
        };
        let one = headers(&["Digest realm=\"r\", nonce=\"one\""]);
        let two = headers(&["Digest realm=\"r\", nonce=\"two\""]);
        assert!(auth.show("GET", "/", 1).is_none());
        assert!(auth.is_news(None, &one));
        let shown = auth.show("GET", "/", 1);
        assert!(!auth.is_news(shown.as_ref(), &two), "it was wrong");
        auth.was_accepted(shown.as_ref());
        assert!(auth.is_news(shown.as_ref(), &two), "it has grown old");
        assert!(
            auth.is_news(shown.as_ref(), &one),
            "another request renewed it"
        );
    }

    #[test]
    fn the_strongest_offer_is_taken() {
        let basic = "Basic realm=\"a, b\"";
        let md5 = "Digest realm=\"r\", nonce=\"one\", Basic realm=\"r\"";
        let sha = "Digest realm=\"r\", nonce=\"two\", algorithm=SHA-256, qop=\"auth\"";
        let nonce = |values: &[&'static str]| match asked(&headers(values)) {
            Some(Scheme::Digest(challenge)) => Some(challenge.nonce),
            _ => None,
        };
        assert_eq!(asked(&headers(&[basic])), Some(Scheme::Basic));
        assert_eq!(nonce(&[basic, md5]).as_deref(), Some("one"));
        assert_eq!(nonce(&[md5, sha]).as_deref(), Some("two"));
        assert_eq!(asked(&headers(&["Negotiate"])), None);
        assert_eq!(
            asked(&headers(&[
                "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\""
            ])),
            None
        );
    }
}
