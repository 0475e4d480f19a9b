//! Connection strings: "Configure Azure Storage connection strings" (Microsoft Learn, azure/storage/common).

use std::collections::BTreeMap;

/// What a connection string says.
#[derive(Default)]
pub(super) struct Connection {
    /// Whose storage it is.
    pub(super) account: Option<String>,
    /// The account's key, in base64.
    pub(super) key: Option<String>,
    /// A shared access signature.
    pub(super) sas: Option<String>,
    /// The address of the blob service.
    pub(super) endpoint: Option<String>,
}

/// Azurite's own account, whose name and key are public ("Use the Azurite emulator", Well-known storage account).
const DEVELOPMENT: [(&str, &str); 3] = [
    ("AccountName", "devstoreaccount1"),
    (
        "AccountKey",
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    ),
    ("BlobEndpoint", "http://127.0.0.1:10000/devstoreaccount1"),
];

impl Connection {
    /// Reads `Name=value;Name=value`. What is wrong with it is told without any of its values.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut values = BTreeMap::new();
        for setting in text
            .split(';')
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            let Some((name, value)) = setting.split_once('=') else {
                return Err(
                    "connection_string is not made of Name=value, with ; between".to_owned(),
                );
            };
            values.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
        let has_development = values.get("usedevelopmentstorage");
        if has_development.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            let known =
                DEVELOPMENT.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
            values.extend(known);
        }
        let mut take = |name: &str| values.remove(name).filter(|value| !value.is_empty());
        let account = take("accountname");
        let (scheme, suffix) = (take("defaultendpointsprotocol"), take("endpointsuffix"));
        let follows = account.as_ref().zip(suffix).map(|(account, suffix)| {
            let scheme = scheme.as_deref().unwrap_or("https");
            format!("{scheme}://{account}.blob.{suffix}")
        });
        Ok(Self {
            key: take("accountkey"),
            sas: take("sharedaccesssignature"),
            endpoint: take("blobendpoint").or(follows),
            account,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_is_read_in_all_its_forms() {
        let portal = "DefaultEndpointsProtocol=https;AccountName=mine;AccountKey=a2V5==;EndpointSuffix=core.windows.net";
        let read = Connection::read(portal).unwrap();
        assert_eq!(read.account.as_deref(), Some("mine"));
        assert_eq!(read.key.as_deref(), Some("a2V5=="));
        assert_eq!(
            read.endpoint.as_deref(),
            Some("https://mine.blob.core.windows.net")
        );
        let sas =
            "BlobEndpoint=https://mine.blob.core.windows.net/;SharedAccessSignature=sv=1&sig=x%3D";
        let read = Connection::read(sas).unwrap();
        assert_eq!(read.sas.as_deref(), Some("sv=1&sig=x%3D"));
        assert!(read.account.is_none());
        let read = Connection::read("UseDevelopmentStorage=true").unwrap();
        assert_eq!(read.account.as_deref(), Some("devstoreaccount1"));
        assert!(Connection::read("hunter2").is_err_and(|why| !why.contains("hunter2")));
    }
}
