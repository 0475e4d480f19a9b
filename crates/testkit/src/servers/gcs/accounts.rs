//! Service accounts, the tokens they get, and what each may do.
//!
//! A client signs a claim with the account's key and gets a token for it ("Using OAuth 2.0 for Server to Server
//! Applications", developers.google.com/identity/protocols/oauth2/service-account; RFC 7523).

use std::collections::BTreeMap;
use std::io;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

use super::message::{Answer, Request, form};
use super::moment::Moment;
use super::refusal::Refusal;

/// The longest that a claim may be good for, and a token is.
const HOUR: u64 = 3_600;

/// How far a claim's clock may be ahead.
const SKEW: u64 = 300;

/// The audience of every claim, as documented; who asks elsewhere may name the address instead.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";

/// The grant that a claim is exchanged by (RFC 7523, section 2.1).
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What an account may do ("IAM roles for Cloud Storage", cloud.google.com/storage/docs/access-control/iam-roles).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything: Storage Admin.
    Admin,
    /// Everything with objects and nothing with buckets: Storage Object Admin.
    ObjectAdmin,
    /// To read objects: Storage Object Viewer.
    ObjectViewer,
    /// To create objects and neither read nor replace nor delete one: Storage Object Creator.
    ObjectCreator,
    /// Nothing.
    Nobody,
}

impl Role {
    fn may(self, permission: &str) -> bool {
        match self {
            Self::Admin => true,
            Self::ObjectAdmin => permission.starts_with("storage.objects."),
            Self::ObjectViewer => {
                matches!(permission, "storage.objects.get" | "storage.objects.list")
            }
            Self::ObjectCreator => permission == "storage.objects.create",
            Self::Nobody => false,
        }
    }
}

/// A key pair of this process: making one takes a tenth of a second.
#[derive(Debug)]
struct Key {
    /// PKCS#8, in PEM.
    private: String,
    public: Vec<u8>,
}

impl Key {
    fn get() -> io::Result<&'static Self> {
        static KEY: OnceLock<Key> = OnceLock::new();
        if let Some(key) = KEY.get() {
            return Ok(key);
        }
        let key = Self::generate()?;
        Ok(KEY.get_or_init(|| key))
    }

    fn generate() -> io::Result<Self> {
        let made = Command::new("openssl")
            .args(["genpkey", "-quiet", "-algorithm", "RSA"])
            .args(["-pkeyopt", "rsa_keygen_bits:2048"])
            .output()?;
        let private = String::from_utf8(made.stdout).map_err(io::Error::other)?;
        let base64: String = private
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect();
        let der = STANDARD.decode(base64).map_err(io::Error::other)?;
        let pair = RsaKeyPair::from_pkcs8(&der).map_err(|error| {
            let said = String::from_utf8_lossy(&made.stderr);
            io::Error::other(format!("openssl made no key: {error} {said}"))
        })?;
        Ok(Self {
            private,
            public: pair.public_key().as_ref().to_vec(),
        })
    }
}

/// The accounts and their tokens.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    roles: BTreeMap<String, Role>,
    created: u64,
    tokens: BTreeMap<String, Token>,
    given: u64,
}

#[derive(Debug)]
struct Token {
    account: String,
    scope: String,
    until: Moment,
}

impl Accounts {
    /// The key file of an account that is made here, as the console gives it to a person.
    pub(super) fn create(&mut self, role: Role, origin: &str) -> io::Result<String> {
        self.created += 1;
        let email = format!("account-{}@tandem.iam.gserviceaccount.com", self.created);
        self.roles.insert(email.clone(), role);
        let file = json!({
            "type": "service_account",
            "project_id": "tandem",
            "private_key_id": "key-1",
            "private_key": Key::get()?.private,
            "client_email": email,
            "client_id": "1",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": format!("{origin}/token"),
            "universe_domain": "googleapis.com",
        });
        Ok(file.to_string())
    }

    /// The account of this key file is no longer there, nor are its tokens.
    pub(super) fn delete(&mut self, key_file: &str) {
        let file: Value = serde_json::from_str(key_file).unwrap_or_default();
        let email = file["client_email"].as_str().unwrap_or_default();
        self.roles.remove(email);
        self.tokens.retain(|_, token| token.account != email);
    }

    /// All tokens that were given out are no longer good.
    pub(super) fn expire(&mut self) {
        self.tokens.clear();
    }

    /// How many tokens were given out.
    pub(super) fn given(&self) -> u64 {
        self.given
    }

    /// Exchanges a claim for a token.
    pub(super) fn token(&mut self, request: &Request, now: Moment) -> Answer {
        match self.claim(request, now) {
            Ok((account, scope)) => {
                self.given += 1;
                let token = format!("ya29.{}", self.given);
                let answer = Answer::json(
                    200,
                    &json!({"access_token": token, "expires_in": HOUR - 1, "token_type": "Bearer"}),
                );
                let until = Moment(now.0 + Duration::from_secs(HOUR));
                self.tokens.insert(
                    token,
                    Token {
                        account,
                        scope,
                        until,
                    },
                );
                answer
            }
            Err((error, description)) => Answer::json(
                400,
                &json!({"error": error, "error_description": description}),
            ),
        }
    }

    fn claim(
        &self,
        request: &Request,
        now: Moment,
    ) -> Result<(String, String), (&'static str, &'static str)> {
        const UNREASONABLE: &str = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable \
                                    timeframe. Check your iat and exp values in the JWT claim.";
        let body = form(&String::from_utf8_lossy(&request.body));
        if body.get("grant_type").map(String::as_str) != Some(JWT_BEARER) {
            return Err(("unsupported_grant_type", "Invalid grant_type"));
        }
        let assertion = body.get("assertion").map_or("", String::as_str);
        let malformed = || ("invalid_grant", "Bad Request");
        let (signed, signature) = assertion.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        let decoded = |part: &str| -> Option<Value> {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
        };
        let header = decoded(header).ok_or_else(malformed)?;
        let claims = decoded(claims).ok_or_else(malformed)?;
        let (text, number) = (
            |name: &str| claims[name].as_str().unwrap_or_default(),
            |name: &str| claims[name].as_u64().unwrap_or_default(),
        );
        if !self.roles.contains_key(text("iss")) {
            return Err(("invalid_grant", "Invalid grant: account not found"));
        }
        let key = Key::get().map_err(|_| malformed())?;
        let signature = URL_SAFE_NO_PAD.decode(signature);
        let signature = signature.map_err(|_| malformed())?;
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.public);
        if header["alg"] != "RS256" || public.verify(signed.as_bytes(), &signature).is_err() {
            return Err(("invalid_grant", "Invalid JWT Signature."));
        }
        let (issued, until, now) = (number("iat"), number("exp"), now.0.as_secs());
        if issued > now + SKEW || until <= now || until > issued + HOUR {
            return Err(("invalid_grant", UNREASONABLE));
        }
        if text("aud") != AUDIENCE && text("aud") != format!("{}/token", request.origin()) {
            return Err((
                "invalid_grant",
                "Invalid JWT: Failed audience check. The right audience is this server.",
            ));
        }
        if text("scope").is_empty() {
            return Err(("invalid_scope", "Empty or missing scope not allowed."));
        }
        Ok((text("iss").to_owned(), text("scope").to_owned()))
    }

    /// Whether who asks may do this.
    pub(super) fn check(
        &self,
        request: &Request,
        permission: &str,
        now: Moment,
    ) -> Result<(), Refusal> {
        let Some(header) = request.header("authorization") else {
            return Err(Refusal::anonymous(permission));
        };
        let token = header.strip_prefix("Bearer ").unwrap_or_default();
        let token = self.tokens.get(token).filter(|token| token.until > now);
        let token = token.ok_or_else(Refusal::unauthorized)?;
        let reads = permission.ends_with(".get") || permission.ends_with(".list");
        let only_reads = token
            .scope
            .split(' ')
            .all(|scope| scope.ends_with("devstorage.read_only"));
        if only_reads && !reads {
            return Err(Refusal::out_of_scope());
        }
        let role = self.roles.get(&token.account).copied();
        if role.is_some_and(|role| role.may(permission)) {
            Ok(())
        } else {
            Err(Refusal::forbidden(&token.account, permission))
        }
    }
}
