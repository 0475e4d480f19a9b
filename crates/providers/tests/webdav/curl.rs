//! Somebody else: curl, which knows nothing of Tandem.

use std::process::Stdio;

use async_trait::async_trait;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tandem_testkit::conformance::Outsider;

/// A folder on a server, as curl sees it.
#[derive(Clone)]
pub(crate) struct Curl {
    /// Without a slash at the end.
    pub(crate) url: String,
    /// Name and password, with a colon in between.
    pub(crate) user: String,
}

/// A status and a body.
type Answer = (u16, Vec<u8>);

impl Curl {
    fn at(&self, path: &str) -> String {
        let names = path.split('/');
        let encoded = names.map(|name| utf8_percent_encode(name, NON_ALPHANUMERIC).to_string());
        let path = encoded.collect::<Vec<_>>().join("/");
        format!("{}/{path}", self.url)
            .trim_end_matches('/')
            .to_owned()
    }

    async fn ask(&self, method: &str, url: String, body: Option<&[u8]>) -> Result<Answer, String> {
        let mut command = std::process::Command::new("curl");
        command.args(["-q", "--silent", "--show-error", "--noproxy", "*"]);
        command.args(["--max-time", "60", "--anyauth", "--user", &self.user]);
        command.args(["--header", "Expect:"]);
        if method == "PROPFIND" {
            command.args(["--header", "Depth: 1"]);
        }
        command.args(["--write-out", "%{stderr}%{http_code}", "--request", method]);
        let body = body.map(<[u8]>::to_vec);
        if body.is_some() {
            command.args(["--data-binary", "@-"]);
        }
        command.arg(url).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let done = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn()?;
            if let (Some(mut stdin), Some(body)) = (child.stdin.take(), body) {
                std::io::Write::write_all(&mut stdin, &body)?;
            }
            child.wait_with_output()
        });
        let done = done.await.map_err(|error| error.to_string())?;
        let done = done.map_err(|error| format!("curl: {error}"))?;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        let digits = said.len().saturating_sub(3);
        let status = said[digits..].parse().map_err(|_| said.clone())?;
        Ok((status, done.stdout))
    }

    /// Makes a folder; one that is there is fine.
    pub(crate) async fn make(&self, path: &str) -> Result<(), String> {
        let url = format!("{}/", self.at(path));
        match self.ask("MKCOL", url, None).await?.0 {
            201 | 405 => Ok(()),
            status => Err(format!("MKCOL {path}: {status}")),
        }
    }

    /// Locks a file, for as long as the server likes.
    pub(crate) async fn lock(&self, path: &str) -> Result<(), String> {
        let wanted = br#"<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/></d:locktype></d:lockinfo>"#;
        match self.ask("LOCK", self.at(path), Some(wanted)).await?.0 {
            200 => Ok(()),
            status => Err(format!("LOCK {path}: {status}")),
        }
    }

    /// The names in a folder, of folders with a slash at the end; `None` if there is no such folder.
    async fn names(&self, folder: &str) -> Result<Option<Vec<String>>, String> {
        let (status, body) = self
            .ask("PROPFIND", format!("{}/", self.at(folder)), None)
            .await?;
        if status == 404 {
            return Ok(None);
        }
        if status != 207 {
            return Err(format!("PROPFIND {folder}: {status}"));
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        let mut names = Vec::new();
        for response in body.split("response>") {
            let Some((_, rest)) = response.split_once("href>") else {
                continue;
            };
            let href = rest.split('<').next().unwrap_or_default();
            let href = href.replace("&amp;", "&").replace("&#39;", "'");
            let is_folder = response.contains(":collection");
            let name = href
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default();
            let name = percent_decode_str(name).decode_utf8_lossy().into_owned();
            names.push(if is_folder { format!("{name}/") } else { name });
        }
        // The folder itself comes first everywhere.
        names.remove(0);
        Ok(Some(names))
    }
}

#[async_trait]
impl Outsider for Curl {
    async fn put(&self, path: &str, bytes: &[u8]) -> Result<(), String> {
        for (at, _) in path.match_indices('/') {
            self.make(&path[..at]).await?;
        }
        match self.ask("PUT", self.at(path), Some(bytes)).await?.0 {
            200 | 201 | 204 => Ok(()),
            status => Err(format!("PUT {path}: {status}")),
        }
    }

    async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        match self.ask("GET", self.at(path), None).await? {
            (200, body) => Ok(Some(body)),
            (404, _) => Ok(None),
            (status, _) => Err(format!("GET {path}: {status}")),
        }
    }

    async fn remove(&self, path: &str) -> Result<(), String> {
        match self.ask("DELETE", self.at(path), None).await?.0 {
            200 | 204 | 404 => Ok(()),
            status => Err(format!("DELETE {path}: {status}")),
        }
    }

    async fn list(&self) -> Result<Vec<String>, String> {
        let mut files = Vec::new();
        let mut waiting = vec![String::new()];
        while let Some(folder) = waiting.pop() {
            for name in self.names(&folder).await?.unwrap_or_default() {
                match name.strip_suffix('/') {
                    Some(inner) => waiting.push(format!("{folder}{inner}/")),
                    None => files.push(format!("{folder}{name}")),
                }
            }
        }
        Ok(files)
    }
}
