//! What every provider reads from HTTP in the same way.

use std::error::Error;
use std::time::{Duration, UNIX_EPOCH};

use tandem_core::time::Timestamp;
use url::Url;

/// The address that a person typed for `key`, or what is wrong with it. `instead` says where secrets go.
pub(crate) fn address(key: &str, text: &str, instead: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| {
        let shown = without_user(text);
        format!("{key} {shown:?} is no address: {error}")
    })?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!(
            "{key} begins neither with https:// nor with http://"
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("{key} contains a user name or password; {instead}"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{key} contains a query"));
    }
    Ok(url)
}

/// An address that could not be read, without anything before its last `@`: that may be a password.
fn without_user(text: &str) -> String {
    text.rsplit_once('@')
        .map_or_else(|| text.to_owned(), |(_, rest)| format!("REDACTED@{rest}"))
}

/// Whether the address is this computer, to which no proxy leads.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Seconds or a date (RFC 9110, section 10.2.3).
pub(crate) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(secs) = text.parse() {
        return Some(Duration::from_secs(secs));
    }
    let at = date(text)?;
    Some(Duration::from_secs(
        at.secs().saturating_sub(now.secs()).max(0).unsigned_abs(),
    ))
}

/// A date as HTTP writes it (RFC 9110, section 5.6.7), from 1970 on.
pub(crate) fn date(text: &str) -> Option<Timestamp> {
    let since = httpdate::parse_http_date(text.trim())
        .ok()?
        .duration_since(UNIX_EPOCH)
        .ok()?;
    Some(Timestamp::from_secs(i64::try_from(since.as_secs()).ok()?))
}

/// Whether what a connection failed with is about its protection.
pub(crate) fn is_tls(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    ["certificate", "tls", "handshake", "corrupt message"]
        .iter()
        .any(|word| said.contains(word))
}

/// What an error and its causes say.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let more = error.to_string();
        if !said.contains(&more) {
            said = format!("{said}: {more}");
        }
        next = error.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::from_secs(784_111_770);
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now),
            Some(Duration::from_secs(7))
        );
        assert_eq!(retry_after("soon", now), None);
    }
}
