//! The address of a service: what was typed, or what follows from the values of the form.

use tandem_core::error::Result;
use tandem_core::storage::{Config, FieldKind};
use url::Url;

use super::super::settings::{check_endpoint, wrong};
use super::Service;

/// How the address of a service comes about.
#[derive(Debug, Clone, Copy)]
pub(in crate::s3) enum Endpoint {
    /// The SDK knows Amazon's, by region. An endpoint that is typed takes its place.
    Amazon,
    /// It must be typed.
    Typed,
    /// It follows from the form.
    Follows {
        /// The address; a key in braces stands for the value of that field.
        pattern: &'static str,
        /// Addresses that a value of a choice has instead.
        except: &'static [(&'static str, &'static str)],
        /// The region that requests are signed for, if it is no field of the form.
        signed_for: Option<&'static str>,
    },
}

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::s3) struct Address {
    /// `None` for Amazon's own.
    pub(in crate::s3) endpoint: Option<Url>,
    /// The region that requests are signed for.
    pub(in crate::s3) region: String,
}

/// What Amazon's clients sign for where no region is given.
const DEFAULT_REGION: &str = "us-east-1";

impl Service {
    /// The address that `config` leads to.
    ///
    /// # Errors
    /// One sentence that names the field which is missing or wrong.
    pub(in crate::s3) fn address(&self, config: &Config) -> Result<Address> {
        let region = || config.get("region").unwrap_or(DEFAULT_REGION).to_owned();
        let typed = || config.get("endpoint").map(check_endpoint).transpose();
        match self.endpoint {
            Endpoint::Amazon => Ok(Address {
                endpoint: typed()?,
                region: region(),
            }),
            Endpoint::Typed => match typed()? {
                None => Err(wrong("endpoint is missing")),
                endpoint => Ok(Address {
                    endpoint,
                    region: region(),
                }),
            },
            Endpoint::Follows {
                pattern,
                except,
                signed_for,
            } => {
                let endpoint = self.fill(pattern, except, config)?;
                Ok(Address {
                    endpoint: Some(check_endpoint(&endpoint)?),
                    region: signed_for.map_or_else(region, str::to_owned),
                })
            }
        }
    }

    /// `pattern`, or what a chosen value has instead, with the values of the form in it.
    fn fill(
        &self,
        pattern: &'static str,
        except: &[(&str, &'static str)],
        config: &Config,
    ) -> Result<String> {
        let mut address = pattern;
        for field in self.descriptor.fields {
            if let FieldKind::Choice(choices) = field.kind
                && let Some(value) = config.get(field.key)
            {
                if !choices.contains(&value) {
                    return Err(wrong(&format!(
                        "{} is none of {}: {value}",
                        field.key,
                        choices.join(", ")
                    )));
                }
                let other = except.iter().find(|(choice, _)| *choice == value);
                address = other.map_or(address, |(_, other)| other);
            }
        }
        let mut filled = address.to_owned();
        for field in self.descriptor.fields.iter().filter(|field| !field.secret) {
            let place = format!("{{{}}}", field.key);
            if !filled.contains(&place) {
                continue;
            }
            let value = config
                .get(field.key)
                .ok_or_else(|| wrong(&format!("{} is missing", field.key)))?;
            if !is_label(value) {
                return Err(wrong(&format!(
                    "{} is no name that can stand in an address: {value:?}",
                    field.key
                )));
            }
            filled = filled.replace(&place, value);
        }
        Ok(filled)
    }
}

/// Whether this is one label of a host name (RFC 1123, 2.1): nothing in it can lead to another host.
fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len())
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::super::SERVICES;
    use super::*;

    fn service(type_name: &str) -> &'static Service {
        let mut all = SERVICES.iter();
        all.find(|one| one.descriptor.type_name == type_name)
            .unwrap_or_else(|| panic!("there is no {type_name}"))
    }

    fn address(type_name: &str, values: &[(&str, &str)]) -> Result<Address> {
        let values = values.iter();
        let config = values.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        service(type_name).address(&Config(config.collect()))
    }

    /// What a person fills in.
    type Values = &'static [(&'static str, &'static str)];

    /// Each as the service's own documents write it; where they are named stands in `rows`.
    const DOCUMENTED: [(&str, Values, &str, &str); 13] = [
        (
            "b2-s3",
            &[("region", "us-west-004")],
            "https://s3.us-west-004.backblazeb2.com/",
            "us-west-004",
        ),
        (
            "spaces",
            &[("region", "nyc3")],
            "https://nyc3.digitaloceanspaces.com/",
            "nyc3",
        ),
        (
            "wasabi",
            &[("region", "eu-central-2")],
            "https://s3.eu-central-2.wasabisys.com/",
            "eu-central-2",
        ),
        (
            "linode",
            &[("region", "us-east-1")],
            "https://us-east-1.linodeobjects.com/",
            "us-east-1",
        ),
        (
            "ibm-cos",
            &[("region", "eu-gb")],
            "https://s3.eu-gb.cloud-object-storage.appdomain.cloud/",
            "eu-gb",
        ),
        (
            "oracle-s3",
            &[("region", "eu-frankfurt-1"), ("account", "axaxnpcrorw5")],
            "https://axaxnpcrorw5.compat.objectstorage.eu-frankfurt-1.oci.customer-oci.com/",
            "eu-frankfurt-1",
        ),
        (
            "ovh-s3",
            &[("region", "gra")],
            "https://s3.gra.io.cloud.ovh.net/",
            "gra",
        ),
        (
            "ovh-s3",
            &[("region", "us-east-va")],
            "https://s3.us-east-va.io.cloud.ovh.us/",
            "us-east-va",
        ),
        (
            "scaleway",
            &[("region", "nl-ams")],
            "https://s3.nl-ams.scw.cloud/",
            "nl-ams",
        ),
        (
            "r2",
            &[("account", "4793d734c0b8e484dfc37ec392b5fa8a")],
            "https://4793d734c0b8e484dfc37ec392b5fa8a.r2.cloudflarestorage.com/",
            "auto",
        ),
        (
            "r2",
            &[
                ("account", "4793d734c0b8e484dfc37ec392b5fa8a"),
                ("jurisdiction", "eu"),
            ],
            "https://4793d734c0b8e484dfc37ec392b5fa8a.eu.r2.cloudflarestorage.com/",
            "auto",
        ),
        ("gcs-hmac", &[], "https://storage.googleapis.com/", "auto"),
        (
            "s3-compatible",
            &[("endpoint", "http://nas.local:9000")],
            "http://nas.local:9000/",
            "us-east-1",
        ),
    ];

    #[test]
    fn every_service_has_the_address_that_it_documents() {
        for (type_name, values, endpoint, region) in DOCUMENTED {
            let found = address(type_name, values).unwrap();
            let url = found.endpoint.map(String::from);
            assert_eq!(url.as_deref(), Some(endpoint), "{type_name}");
            assert_eq!(found.region, region, "{type_name}");
        }
        let amazon = address("s3", &[("region", "eu-south-2")]).unwrap();
        assert_eq!(
            (amazon.endpoint, &*amazon.region),
            (None, "eu-south-2"),
            "the SDK knows Amazon's"
        );
        for service in SERVICES {
            let name = service.descriptor.type_name;
            let shown = name == "s3" || DOCUMENTED.iter().any(|(shown, ..)| *shown == name);
            assert!(shown, "{name} has no documented address here");
        }
    }

    #[test]
    fn every_region_that_is_listed_makes_an_address() {
        for service in SERVICES {
            let regions = service.descriptor.fields.iter();
            let regions = regions.filter_map(|field| match field.kind {
                FieldKind::Choice(regions) if field.key == "region" => Some(regions),
                _ => None,
            });
            for region in regions.flatten() {
                let found = address(service.descriptor.type_name, &[("region", region)]);
                let host = found.unwrap().endpoint.unwrap();
                assert!(host.as_str().contains(region), "{host}");
            }
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_in_one_sentence() {
        for (type_name, values, sentence) in [
            ("wasabi", &[][..], "region is missing"),
            (
                "scaleway",
                &[("region", "us-east-1")],
                "region is none of fr-par, nl-ams, pl-waw, it-mil: us-east-1",
            ),
            (
                "linode",
                &[("region", "evil.example/")],
                "region is no name that can stand in an address: \"evil.example/\"",
            ),
            ("r2", &[], "account is missing"),
            (
                "r2",
                &[("account", "a"), ("jurisdiction", "mars")],
                "jurisdiction is none of default, eu, fedramp: mars",
            ),
            (
                "oracle-s3",
                &[("region", "eu-frankfurt-1")],
                "account is missing",
            ),
            (
                "oracle-s3",
                &[("region", "eu-frankfurt-1"), ("account", "me@example.org")],
                "account is no name that can stand in an address: \"me@example.org\"",
            ),
            ("s3-compatible", &[], "endpoint is missing"),
        ] {
            let error = address(type_name, values).unwrap_err();
            assert_eq!(error.detail, sentence, "{type_name}");
        }
    }

    #[test]
    fn a_label_leads_to_no_other_host() {
        for label in ["a", "us-west-004", "4793d734c0b8e484dfc37ec392b5fa8a"] {
            assert!(is_label(label), "{label}");
        }
        for text in [
            "", "-a", "a-", "A", "a.b", "a/b", "a@b", "a:b", "a#", "a?", "ä", "a_b", "{region}",
        ] {
            assert!(!is_label(text), "{text}");
        }
        assert!(!is_label(&"a".repeat(64)));
    }

    /// A form asks for nothing that the address does not need, and for all that it does.
    #[test]
    fn a_form_asks_for_what_the_address_needs() {
        for service in SERVICES {
            let fields = service.descriptor.fields.iter();
            let keys: Vec<_> = fields.map(|field| field.key).collect();
            let name = service.descriptor.type_name;
            let Endpoint::Follows {
                pattern,
                except,
                signed_for,
            } = service.endpoint
            else {
                assert!(keys.contains(&"endpoint") && keys.contains(&"region"));
                continue;
            };
            assert!(!keys.contains(&"endpoint"), "{name}");
            assert_eq!(keys.contains(&"region"), signed_for.is_none(), "{name}");
            assert_eq!(
                keys.contains(&"account"),
                pattern.contains("{account}"),
                "{name}"
            );
            assert_eq!(keys.contains(&"jurisdiction"), name == "r2");
            let choices = service.descriptor.fields.iter();
            let choices = choices.filter_map(|field| match field.kind {
                FieldKind::Choice(choices) => Some(choices),
                _ => None,
            });
            let choices: Vec<_> = choices.flatten().collect();
            for (choice, _) in except {
                assert!(choices.contains(&choice), "{name}: nobody chooses {choice}");
            }
        }
    }
}
