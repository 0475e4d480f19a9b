//! Signing in: by version 1 ("Auth System", docs.openstack.org/swift), by Keystone's version 3 ("Identity API v3",
//! docs.openstack.org/api-ref/identity/v3), and by Rackspace's API key ("Authenticate to the Rackspace Cloud").
//!
//! Each answers with a token and says where the account is: in a header, or in a catalogue by region.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::time::Timestamp;
use url::Url;

use super::session::Session;
use super::settings::{Identity, Project, Settings};
use crate::rest::{Payload, Request};

/// What the catalogue calls Swift.
const SERVICE: &str = "object-store";

/// The request that signs in.
pub(super) fn request(settings: &Settings) -> Result<Request<'static>> {
    let mut headers = HeaderMap::new();
    let signing_in = |method, url, headers, body: String| Request {
        operation: "sign_in",
        method,
        url,
        headers,
        payload: Payload::Text(body),
    };
    let to = |path: &str| {
        let url = Url::parse(&format!("{}{path}", settings.auth_url));
        url.map_err(|error| failed(Cause::Other, format!("auth_url: {error}")))
    };
    let (url, body) = match &settings.identity {
        Identity::Version1 { user, key } => {
            headers.insert("x-auth-user", header("username", user)?);
            headers.insert("x-auth-key", header("password", key)?);
            return Ok(signing_in(Method::GET, to("")?, headers, String::new()));
        }
        Identity::ApiKey { user, key } => (
            to("/tokens")?,
            json!({"auth": {"RAX-KSKEY:apiKeyCredentials": {"username": user, "apiKey": key}}}),
        ),
        Identity::Password {
            user,
            domain,
            password,
            project,
        } => {
            let scope = match project {
                Project::Id(id) => json!({"id": id}),
                Project::Name { name, domain } => json!({"name": name, "domain": {"name": domain}}),
            };
            let user = json!({"name": user, "domain": {"name": domain}, "password": password});
            let identity = json!({"methods": ["password"], "password": {"user": user}});
            (
                to("/auth/tokens")?,
                json!({"auth": {"identity": identity, "scope": {"project": scope}}}),
            )
        }
        // It belongs to a project and may not ask for a scope.
        Identity::Application { id, secret } => {
            let credential = json!({"id": id, "secret": secret});
            let methods = ["application_credential"];
            let identity = json!({"methods": methods, "application_credential": credential});
            (to("/auth/tokens")?, json!({"auth": {"identity": identity}}))
        }
    };
    let json = HeaderValue::from_static("application/json");
    headers.insert(CONTENT_TYPE, json);
    Ok(signing_in(Method::POST, url, headers, body.to_string()))
}

/// What a successful answer says.
pub(super) fn session(
    settings: &Settings,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<Session> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (token, place, until) = match &settings.identity {
        Identity::Version1 { .. } => {
            let left = text("x-auth-token-expires").and_then(|secs| secs.parse::<i64>().ok());
            let until = left.map(|left| Timestamp::from_secs(now.secs().saturating_add(left)));
            let place = text("x-storage-url").map(str::to_owned);
            (text("x-auth-token").map(str::to_owned), place, until)
        }
        Identity::ApiKey { .. } => {
            let access = parse::<Version2>(body)?.access;
            let catalog = access.service_catalog.into_iter();
            let catalog = catalog.map(|service| Service {
                kind: service.kind,
                endpoints: service.endpoints.into_iter().map(Endpoint::from).collect(),
            });
            let place = endpoint(settings, catalog)?;
            (Some(access.token.id), place, moment(&access.token.expires))
        }
        Identity::Password { .. } | Identity::Application { .. } => {
            let token = parse::<Version3>(body)?.token;
            let place = endpoint(settings, token.catalog.into_iter())?;
            let id = text("x-subject-token").map(str::to_owned);
            (id, place, token.expires_at.as_deref().and_then(moment))
        }
    };
    let bad = |what| failed(Cause::BadResponse, format!("the sign-in names no {what}"));
    let token = token.filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| bad("token"))?;
    let account = match &settings.storage_url {
        Some(url) => url.clone(),
        None => account(settings, &place.ok_or_else(|| bad("storage address"))?)?,
    };
    Session::new(token, account, until)
}

/// The account's address as a sign-in names it. What was asked for over a protected line must not lead to an
/// unprotected one (P19).
fn account(settings: &Settings, text: &str) -> Result<Url> {
    let url = Url::parse(text).map_err(|error| {
        failed(
            Cause::BadResponse,
            format!("the sign-in names the storage address {text:?}: {error}"),
        )
    })?;
    if url.scheme() == "https" || (url.scheme() == "http" && settings.plain) {
        return Ok(url);
    }
    let detail = format!(
        "the sign-in names {url}, which is not protected; storage_url can name another address"
    );
    Err(failed(Cause::Tls, detail))
}

#[derive(Deserialize)]
struct Version3 {
    token: Token3,
}

#[derive(Deserialize)]
struct Token3 {
    expires_at: Option<String>,
    #[serde(default)]
    catalog: Vec<Service>,
}

#[derive(Deserialize)]
struct Service {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(default)]
    interface: String,
    region: Option<String>,
    region_id: Option<String>,
    url: String,
}

#[derive(Deserialize)]
struct Version2 {
    access: Access2,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Access2 {
    token: Token2,
    #[serde(default)]
    service_catalog: Vec<Service2>,
}

#[derive(Deserialize)]
struct Token2 {
    id: String,
    #[serde(default)]
    expires: String,
}

#[derive(Deserialize)]
struct Service2 {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    endpoints: Vec<Endpoint2>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint2 {
    region: Option<String>,
    #[serde(rename = "publicURL")]
    public_url: String,
}

impl From<Endpoint2> for Endpoint {
    fn from(endpoint: Endpoint2) -> Self {
        Self {
            interface: "public".to_owned(),
            region: endpoint.region,
            region_id: None,
            url: endpoint.public_url,
        }
    }
}

impl Endpoint {
    fn region(&self) -> &str {
        let region = self.region_id.as_deref().or(self.region.as_deref());
        region.unwrap_or_default()
    }

    fn is_in(&self, wanted: &str) -> bool {
        [&self.region_id, &self.region]
            .into_iter()
            .flatten()
            .any(|region| region.eq_ignore_ascii_case(wanted))
    }
}

/// The public address in the wanted region. Where several regions are left to choose from, none is guessed.
fn endpoint(settings: &Settings, catalog: impl Iterator<Item = Service>) -> Result<Option<String>> {
    if settings.storage_url.is_some() {
        return Ok(None);
    }
    let services = catalog.filter(|service| service.kind == SERVICE);
    let endpoints = services.flat_map(|service| service.endpoints);
    let public: Vec<_> = endpoints.filter(|one| one.interface == "public").collect();
    let mut regions: Vec<_> = public.iter().map(Endpoint::region).collect();
    regions.sort_unstable();
    regions.dedup();
    let regions = regions.join(", ");
    let chosen = match &settings.region {
        Some(wanted) => public.iter().find(|one| one.is_in(wanted)),
        None if regions.contains(", ") => {
            let detail = format!("region is missing; there are: {regions}");
            return Err(failed(Cause::Other, detail));
        }
        None => public.first(),
    };
    let detail = || match &settings.region {
        Some(wanted) if !public.is_empty() => {
            format!("there is no region {wanted}; there are: {regions}")
        }
        _ => format!("the project has no service of type {SERVICE}"),
    };
    let chosen = chosen.ok_or_else(|| failed(Cause::Other, detail()))?;
    Ok(Some(chosen.url.clone()))
}

/// What a refusal of Keystone says for people.
pub(super) fn spoken(body: &[u8]) -> Option<String> {
    let said: Value = serde_json::from_slice(body).ok()?;
    let errors = [
        &said["error"]["message"],
        &said["unauthorized"]["message"],
        &said["badRequest"]["message"],
    ];
    let said = errors.into_iter().find_map(Value::as_str)?;
    Some(said.to_owned())
}

fn parse<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        failed(
            Cause::BadResponse,
            format!("the sign-in's answer cannot be read: {error}"),
        )
    })
}

fn moment(text: &str) -> Option<Timestamp> {
    let at = DateTime::from_str(text, Format::DateTimeWithOffset).ok()?;
    Some(Timestamp::from_secs(at.secs()))
}

fn header(key: &str, text: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| failed(Cause::Other, format!("{key} cannot stand in a header")))?;
    value.set_sensitive(true);
    Ok(value)
}

pub(super) fn failed(cause: Cause, detail: impl Into<String>) -> StorageError {
    StorageError::new("sign_in", cause, detail)
}

#[cfg(test)]
mod tests {
    use super::super::services::SERVICES;
    use super::*;
    use tandem_core::storage::{Config, Credentials};

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let common = [("username", "me"), ("project", "p"), ("container", "c")];
        let pairs = common.iter().chain(pairs);
        let config = pairs.map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let secrets = [("password".to_owned(), "pw".to_owned())];
        Settings::new(
            &SERVICES[0],
            &Config(config.collect()),
            &Credentials(secrets.into()),
        )
        .unwrap()
    }

    const V3: &str = "https://cloud.example/v3";

    fn answer(url: &str) -> Vec<u8> {
        let endpoint = |region: &str, interface: &str, url: &str| json!({"interface": interface, "region": region, "region_id": region, "url": url});
        let endpoints = [
            endpoint("One", "internal", "https://inside.example/v1/a"),
            endpoint("One", "public", url),
            endpoint("Two", "public", "https://two.example/v1/a"),
        ];
        let catalog =
            json!([{"type": "compute"}, {"type": "object-store", "endpoints": endpoints}]);
        let token = json!({"expires_at": "2026-11-22T12:00:00.000000Z", "catalog": catalog});
        json!({ "token": token }).to_string().into_bytes()
    }

    fn signed_in(settings: &Settings, body: &[u8]) -> Result<Session> {
        let mut headers = HeaderMap::new();
        headers.insert("x-subject-token", HeaderValue::from_static("gAAA"));
        session(settings, &headers, body, Timestamp(0))
    }

    #[test]
    fn the_catalogue_is_read_by_region() {
        let in_region = |region| settings(&[("auth_url", V3), ("region", region)]);
        let body = answer("https://one.example/v1/AUTH_1");
        let session = signed_in(&in_region("one"), &body).unwrap();
        assert_eq!(session.account.as_str(), "https://one.example/v1/AUTH_1");
        assert_eq!(session.until, Some(Timestamp::from_secs(1_795_348_800)));
        for (settings, said) in [
            (
                settings(&[("auth_url", V3)]),
                "region is missing; there are: One, Two",
            ),
            (in_region("Three"), "no region Three; there are: One, Two"),
        ] {
            let error = signed_in(&settings, &body).unwrap_err();
            assert!(error.detail.contains(said), "{error}");
        }
        let empty = br#"{"token": {"catalog": []}}"#;
        let error = signed_in(&in_region("One"), empty).unwrap_err();
        assert!(error.detail.contains("no service"), "{error}");
    }

    #[test]
    fn a_protected_sign_in_leads_to_no_unprotected_account() {
        let asked = settings(&[("auth_url", V3), ("region", "One")]);
        let error = signed_in(&asked, &answer("http://one.example/v1/a")).unwrap_err();
        assert_eq!(error.cause, Cause::Tls);
        let named = [
            ("auth_url", V3),
            ("storage_url", "https://one.example/v1/a"),
        ];
        let session = signed_in(&settings(&named), &answer("http://one.example/v1/a")).unwrap();
        assert_eq!(session.account.as_str(), "https://one.example/v1/a");
        let plain = settings(&[("auth_url", "http://cloud.example/v3"), ("region", "One")]);
        assert!(signed_in(&plain, &answer("http://one.example/v1/a")).is_ok());
    }

    #[test]
    fn rackspace_is_asked_and_answers_as_its_guide_shows() {
        let services = SERVICES.iter();
        let mut services = services.filter(|one| one.descriptor.type_name == "rackspace");
        let pairs = [("username", "me"), ("region", "IAD"), ("container", "c")];
        let config = pairs.map(|(k, v)| (k.to_owned(), v.to_owned()));
        let secrets = [("password".to_owned(), "pw".to_owned())];
        let settings = Settings::new(
            services.next().unwrap(),
            &Config(config.into()),
            &Credentials(secrets.into()),
        );
        let settings = settings.unwrap();
        let request = request(&settings).unwrap();
        assert_eq!(request.url.path(), "/v2.0/tokens");
        let Payload::Text(sent) = request.payload else {
            panic!("it is no text");
        };
        let sent: Value = serde_json::from_str(&sent).unwrap();
        assert_eq!(sent["auth"]["RAX-KSKEY:apiKeyCredentials"]["apiKey"], "pw");
        let body = json!({"access": {
            "token": {"id": "t", "expires": "2026-11-22T12:00:00.000Z"},
            "serviceCatalog": [{"name": "cloudFiles", "type": "object-store", "endpoints": [
                {"region": "DFW", "publicURL": "https://dfw.example/v1/M", "internalURL": "https://snet"},
                {"region": "IAD", "publicURL": "https://iad.example/v1/M", "internalURL": "https://snet"},
            ]}],
        }});
        let body = body.to_string().into_bytes();
        let session = session(&settings, &HeaderMap::new(), &body, Timestamp(0)).unwrap();
        assert_eq!(session.account.as_str(), "https://iad.example/v1/M");
    }
}
