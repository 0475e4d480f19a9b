//! What a server says that it is.

use std::io;
use std::process::Command;

use super::program;

/// How to ask a server for its version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Version {
    /// The environment variable with the program's path, and the program's name.
    program: (&'static str, &'static str),
    /// Whether another program beside it is to be asked.
    beside: Option<&'static str>,
    arguments: &'static [&'static str],
    /// What is written before the version, which is the first word with a digit in it.
    title: &'static str,
}

impl Version {
    pub(super) const MOTO: Self = Self {
        program: ("TANDEM_MOTO", "moto_server"),
        beside: Some("python"),
        arguments: &[
            "-c",
            "from importlib.metadata import version; print(version('moto'))",
        ],
        title: "moto",
    };
    pub(super) const GCP_EMULATOR: Self = Self {
        program: ("TANDEM_MOTO", "moto_server"),
        beside: Some("python"),
        arguments: &[
            "-c",
            "from importlib.metadata import version; print(version('gcp-storage-emulator'))",
        ],
        title: "gcp-storage-emulator",
    };
    pub(super) const S3S_FS: Self = Self {
        program: ("TANDEM_S3S_FS", "s3s-fs"),
        beside: None,
        arguments: &["--version"],
        title: "s3s-fs",
    };
    pub(super) const RCLONE_S3: Self = Self {
        program: ("TANDEM_RCLONE", "rclone"),
        beside: None,
        arguments: &["version"],
        title: "rclone serve s3",
    };
    pub(super) const RCLONE_WEBDAV: Self = Self {
        title: "rclone serve webdav",
        ..Self::RCLONE_S3
    };
    pub(super) const WSGIDAV: Self = Self {
        program: ("TANDEM_WSGIDAV", "wsgidav"),
        beside: None,
        arguments: &["--version"],
        title: "wsgidav",
    };
    pub(super) const APACHE: Self = Self {
        program: ("TANDEM_APACHE", "apache2"),
        beside: None,
        arguments: &["-v"],
        title: "Apache mod_dav",
    };
    pub(super) const NGINX: Self = Self {
        program: ("TANDEM_NGINX", "nginx"),
        beside: None,
        arguments: &["-v"],
        title: "nginx with dav-ext",
    };
    pub(super) const SABRE: Self = Self {
        program: ("TANDEM_PHP", "php"),
        beside: None,
        arguments: &[
            "-r",
            "error_reporting(0); require 'Sabre/autoload.php'; echo Sabre\\DAV\\Version::VERSION;",
        ],
        title: "sabre/dav",
    };
    pub(super) const AZURITE: Self = Self {
        program: ("TANDEM_AZURITE", "azurite-blob"),
        beside: None,
        arguments: &["--version"],
        title: "Azurite",
    };
    pub(super) const POSTGRES: Self = Self {
        program: ("TANDEM_POSTGRES", "postgres"),
        beside: None,
        arguments: &["--version"],
        title: "PostgreSQL",
    };
    pub(super) const SWIFT: Self = Self {
        program: ("TANDEM_SWIFT", "python3"),
        beside: None,
        arguments: &[
            "-c",
            "from importlib.metadata import version; print(version('swift'))",
        ],
        title: "Swift",
    };
    pub(super) const SWIFT_S3: Self = Self {
        title: "Swift's s3api",
        ..Self::SWIFT
    };
    pub(super) const CEPH: Self = Self {
        program: ("TANDEM_CEPH", "radosgw"),
        beside: None,
        arguments: &["--version"],
        title: "Ceph RGW",
    };
    pub(super) const GARAGE: Self = Self {
        program: ("TANDEM_GARAGE", "garage"),
        beside: None,
        arguments: &["--version"],
        title: "Garage",
    };

    /// Title and version.
    ///
    /// # Errors
    /// There is no such program, or it does not say.
    pub(super) fn ask(self) -> io::Result<String> {
        let (variable, name) = self.program;
        let mut path = program(variable, name)?;
        if let Some(other) = self.beside {
            path.set_file_name(other);
        }
        let output = Command::new(path).args(self.arguments).output()?;
        // nginx says it as if it were an error.
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        let is_version =
            |word: &&str| word.contains('.') && word.contains(|c: char| c.is_ascii_digit());
        let word = said.split([' ', '\n', '/', ':']).find(is_version);
        let word =
            word.ok_or_else(|| io::Error::other(format!("{name} says no version: {said}")))?;
        Ok(format!("{} {}", self.title, word.trim_start_matches('v')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_says_what_it_is() {
        for version in [
            Version::MOTO,
            Version::GCP_EMULATOR,
            Version::S3S_FS,
            Version::RCLONE_S3,
            Version::WSGIDAV,
            Version::APACHE,
            Version::NGINX,
            Version::SABRE,
            Version::POSTGRES,
            Version::AZURITE,
            Version::SWIFT,
        ] {
            let said = version.ask().unwrap();
            let number = said.strip_prefix(version.title).unwrap();
            let number = number.trim_start().split('.').next().unwrap();
            assert!(number.parse::<u32>().is_ok(), "{said}");
        }
    }
}
