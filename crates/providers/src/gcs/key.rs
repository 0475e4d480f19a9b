//! The key of a service account, and the claims it signs.
//!
//! "Using OAuth 2.0 for Server to Server Applications" (developers.google.com/identity/protocols/oauth2/service-account).

use std::fmt;
use std::sync::Arc;

use aws_smithy_types::base64;
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SigningKey;
use serde::Deserialize;
use serde_json::json;
use tandem_core::time::Timestamp;
use url::Url;

use crate::http::is_loopback;

/// What the token is to be good for: objects, and to ask a bucket what it is; no rights are changed (OAuth 2.0 scopes,
/// cloud.google.com/storage/docs/oauth-scopes).
const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";

/// The longest that a claim may be good for, in seconds.
const CLAIM_LIFE: i64 = 3_600;

/// The key file that the console gives.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    client_email: String,
    #[serde(default)]
    private_key_id: String,
    #[serde(default)]
    private_key: String,
    #[serde(default)]
    token_uri: String,
}

/// A key that can sign.
#[derive(Clone)]
pub(super) struct Key {
    /// Whose key it is.
    pub(super) email: String,
    /// Where tokens are given out.
    pub(super) token_uri: Url,
    id: String,
    /// As it stands in the file; no text may show it.
    pub(super) pem: String,
    signing: Arc<dyn SigningKey>,
}

impl Key {
    /// The key in this text, or what is wrong with it, without a word of it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        const NO_KEY: &str =
            "service_account_key is no key file of a service account: paste the whole JSON file";
        let file: File = serde_json::from_str(text).map_err(|_| NO_KEY.to_owned())?;
        if file.kind == "authorized_user" {
            return Err(
                "service_account_key is a person's sign-in; the key of a service account is needed"
                    .to_owned(),
            );
        }
        if file.kind != "service_account" || file.client_email.is_empty() {
            return Err(NO_KEY.to_owned());
        }
        let unreadable = || {
            "the private key in service_account_key cannot be read: it was not copied whole"
                .to_owned()
        };
        let der = PrivateKeyDer::from_pem_slice(file.private_key.as_bytes());
        let signing = any_supported_type(&der.map_err(|_| unreadable())?);
        let token_uri = Url::parse(&file.token_uri)
            .map_err(|_| "service_account_key names no token_uri".to_owned())?;
        if token_uri.scheme() != "https" && !is_loopback(&token_uri) {
            return Err(
                "the token_uri in service_account_key does not begin with https://".to_owned(),
            );
        }
        Ok(Self {
            email: file.client_email,
            id: file.private_key_id,
            token_uri,
            signing: signing.map_err(|_| unreadable())?,
            pem: file.private_key,
        })
    }

    /// A signed claim as of `now` ("Preparing to make an authorized API call"); `None` if the key is none of RSA.
    pub(super) fn claim(&self, now: Timestamp) -> Option<String> {
        let head = json!({"alg": "RS256", "typ": "JWT", "kid": self.id});
        let claims = json!({
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.token_uri.as_str(),
            "iat": now.secs(),
            "exp": now.secs() + CLAIM_LIFE,
        });
        let part = |value: &serde_json::Value| base64url(value.to_string().as_bytes());
        let text = format!("{}.{}", part(&head), part(&claims));
        let signer = self
            .signing
            .choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])?;
        let signature = signer.sign(text.as_bytes()).ok()?;
        Some(format!("{text}.{}", base64url(&signature)))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

/// Base64 with the alphabet of addresses and without padding (RFC 7515, section 2).
fn base64url(bytes: &[u8]) -> String {
    let text = base64::encode(bytes).replace('+', "-").replace('/', "_");
    text.trim_end_matches('=').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_no_key_says_what_is_wrong_and_not_what_it_is() {
        for (text, says) in [
            ("secret", "no key file"),
            (
                r#"{"type": "authorized_user", "client_id": "secret"}"#,
                "a person's sign-in",
            ),
            (r#"{"type": "service_account"}"#, "no key file"),
            (
                r#"{"type": "service_account", "client_email": "a@b", "private_key": "secret",
                   "token_uri": "https://oauth2.googleapis.com/token"}"#,
                "not copied whole",
            ),
        ] {
            let error = Key::read(text).err().unwrap();
            assert!(error.contains(says), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn base64_stands_in_an_address_as_it_is() {
        assert_eq!(base64url(&[0xFB, 0xFF, 0xFE, 0]), "-__-AA");
    }
}
