//! The files of a user, by WebDAV.

use super::multistatus::{Shown, date, multistatus};
use super::request::{Area, Request, place};
use super::tree::{Node, Written, is_within};
use super::{Manner, State, done, refusal};
use crate::servers::message::Message;

/// The longest name in bytes: a column of the database (nextcloud/server, core/Migrations, oc_filecache.name).
const LONGEST_NAME: usize = 250;

/// Answers, or the refusal that ends a request early.
type Answer = Result<Message, Message>;

impl State {
    pub(super) fn files(&mut self, request: &Request<'_>) -> Answer {
        self.check_preconditions(request)?;
        match request.method {
            "PROPFIND" => self.propfind(request),
            "GET" | "HEAD" => self.get(request),
            "PUT" => self.put(request),
            "MKCOL" => self.mkcol(request),
            "DELETE" => self.delete(request),
            "MOVE" | "COPY" => self.relocate(request),
            "PROPPATCH" => self.proppatch(request),
            "OPTIONS" => Ok(Message::answer(
                200,
                &[("dav", "1, 3, extended-mkcol")],
                Vec::new(),
            )),
            _ => Err(refusal(501, "There was no handler found for this method")),
        }
    }

    fn found(&self, path: &str) -> Result<&Node, Message> {
        let missing = || refusal(404, "File with name could not be located");
        self.tree.get(path).ok_or_else(missing)
    }

    /// If-Match and If-None-Match of the address, and the ETags of `If`, which may name others (RFC 9110, section 13;
    /// RFC 4918, section 10.4; sabre/dav, Server::checkPreconditions).
    pub(super) fn check_preconditions(&self, request: &Request<'_>) -> Result<(), Message> {
        let failed = || refusal(412, "An If-Match or If-None-Match header did not hold");
        let tag = self.tree.get(&request.path).map(Node::tag);
        if let Some(wanted) = request.header("if-match") {
            let holds = tag.is_some() && (wanted == "*" || Some(wanted) == tag.as_deref());
            if !holds {
                return Err(failed());
            }
        }
        if let Some(unwanted) = request.header("if-none-match")
            && tag.is_some()
            && (unwanted == "*" || Some(unwanted) == tag.as_deref())
        {
            let is_look = matches!(request.method, "GET" | "HEAD");
            return Err(if is_look { done(304) } else { failed() });
        }
        if let Some(condition) = request.header("if") {
            let holds = self.holds(condition, tag);
            if !holds {
                return Err(refusal(
                    412,
                    "No If-token was specified in the request that held",
                ));
            }
        }
        Ok(())
    }

    /// Whether `<address> (["tag"])` or `(["tag"])` holds.
    pub(super) fn holds(&self, condition: &str, of_address: Option<String>) -> bool {
        let named = condition
            .trim()
            .strip_prefix('<')
            .and_then(|rest| rest.split_once('>'));
        let tag = match named {
            Some((address, _)) => {
                place(address).and_then(|(_, _, path)| Some(self.tree.get(&path)?.tag()))
            }
            None => of_address,
        };
        let wanted = condition
            .rsplit_once("([")
            .and_then(|(_, rest)| rest.split_once("])"));
        tag.is_some() && wanted.map(|(wanted, _)| wanted) == tag.as_deref()
    }

    fn propfind(&self, request: &Request<'_>) -> Answer {
        let path = &*request.path;
        let node = self.found(path)?;
        let own = std::iter::once(Shown::of(path.to_owned(), node));
        let (used, limit) = (self.tree.used(), self.limit);
        match request.header("depth") {
            Some("0") => Ok(multistatus(request, own, used, limit)),
            Some("1") => {
                let below = self
                    .tree
                    .children(path)
                    .map(|(path, node)| Shown::of(path.to_owned(), node));
                let is_folder = node.is_folder();
                let all = own.chain(below.filter(move |_| is_folder));
                Ok(multistatus(request, all, used, limit))
            }
            _ => Err(refusal(403, "An infinite depth is not allowed here")),
        }
    }

    fn get(&self, request: &Request<'_>) -> Answer {
        content(request, self.found(&request.path)?)
    }

    /// That a file or folder may be put at `path`.
    pub(super) fn check_place(&self, path: &str) -> Result<(), Message> {
        let name = path.rsplit('/').next().unwrap_or_default();
        if name.len() > LONGEST_NAME {
            return Err(refusal(400, "File name is too long"));
        }
        // What no name may hold (nextcloud/server, lib/private/Files/FilenameValidator.php), and a line break, which no
        // address of sabre/dav may.
        if name.chars().any(|c| c == '\\' || c.is_control()) {
            return Err(refusal(
                400,
                "File name contains at least one invalid character",
            ));
        }
        if !self.tree.has_parent(path) {
            return Err(refusal(
                409,
                "Files can only be created in an existing collection",
            ));
        }
        if self.tree.is_locked(path) {
            return Err(refusal(423, "is locked"));
        }
        Ok(())
    }

    fn put(&mut self, request: &Request<'_>) -> Answer {
        let path = &*request.path;
        let before = self.tree.get(path);
        if path.is_empty() || before.is_some_and(Node::is_folder) {
            return Err(refusal(405, "PUT is not allowed on non-files"));
        }
        let is_new = before.is_none();
        let grown = (request.message.body.len() as u64).saturating_sub(before.map_or(0, Node::len));
        self.check_place(path)?;
        self.fits(grown)?;
        self.check_sum(request, &request.message.body)?;
        self.keep_version(path);
        self.tree
            .write(path, written(request, request.message.body.clone()));
        Ok(self.has_written(request, path, is_new))
    }

    /// What is answered to whoever wrote `path`.
    pub(super) fn has_written(&self, request: &Request<'_>, path: &str, is_new: bool) -> Message {
        let mut answer = done(if is_new { 201 } else { 204 });
        if let Some(node) = self.tree.get(path) {
            answer.set("etag", &node.tag());
            answer.set("oc-etag", &node.tag());
            answer.set("oc-fileid", &format!("{:08}octandem", node.id));
        }
        if request.mtime().is_some() {
            answer.set("x-oc-mtime", "accepted");
        }
        answer
    }

    /// ownCloud compares what is sent with what the client says of it.
    pub(super) fn check_sum(&self, request: &Request<'_>, bytes: &[u8]) -> Result<(), Message> {
        let told = request
            .header("oc-checksum")
            .and_then(|told| told.split_once(':'));
        let Some((_, value)) = told.filter(|(kind, _)| {
            self.manner == Manner::OwnCloud && kind.eq_ignore_ascii_case("md5")
        }) else {
            return Ok(());
        };
        let digest = <md5::Md5 as md5::Digest>::digest(bytes);
        let computed: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        if value.eq_ignore_ascii_case(&computed) {
            return Ok(());
        }
        let said = "The computed checksum does not match the one received from the client.";
        Err(refusal(400, said))
    }

    fn mkcol(&mut self, request: &Request<'_>) -> Answer {
        let path = &*request.path;
        if self.tree.get(path).is_some() {
            return Err(refusal(
                405,
                "The resource you tried to create already exists",
            ));
        }
        self.check_place(path)?;
        self.tree.make_folder(path);
        let mut answer = done(201);
        if let Some(node) = self.tree.get(path) {
            answer.set("oc-fileid", &format!("{:08}octandem", node.id));
        }
        Ok(answer)
    }

    fn delete(&mut self, request: &Request<'_>) -> Answer {
        self.found(&request.path)?;
        if request.path.is_empty() {
            return Err(refusal(403, "The top cannot be deleted"));
        }
        if self.tree.is_locked(&request.path) {
            return Err(refusal(423, "is locked"));
        }
        self.bin(&request.path);
        Ok(done(204))
    }

    fn relocate(&mut self, request: &Request<'_>) -> Answer {
        let from = &*request.path;
        let len = self.found(from)?.len();
        let Some((Area::Files, to)) = request.destination() else {
            return Err(refusal(502, "The destination is no place of these files"));
        };
        let is_move = request.method == "MOVE";
        if from == to {
            return Err(refusal(403, "Source and destination uri are identical"));
        }
        if is_within(&to, from) {
            return Err(refusal(
                409,
                "The destination may not be part of the same subtree",
            ));
        }
        self.check_place(&to)?;
        if is_move && self.tree.is_locked(from) {
            return Err(refusal(423, "is locked"));
        }
        let is_there = self.tree.get(&to).is_some();
        if is_there && request.header("overwrite") == Some("F") {
            return Err(refusal(412, "The destination node already exists"));
        }
        if !is_move {
            self.fits(len)?;
        }
        if is_there {
            // RFC 4918, section 9.9.3: the server deletes what is there first.
            self.bin(&to);
        }
        if is_move {
            self.tree.shift(from, &to);
        } else {
            self.tree.copy(from, &to);
        }
        Ok(done(if is_there { 204 } else { 201 }))
    }

    /// The time of a file is a property that can be set (nextcloud/server, apps/dav/lib/Connector/Sabre/FilesPlugin.php).
    fn proppatch(&mut self, request: &Request<'_>) -> Answer {
        let is_folder = self.found(&request.path)?.is_folder();
        let body = String::from_utf8_lossy(&request.message.body).into_owned();
        let value = body
            .split_once("lastmodified>")
            .and_then(|(_, rest)| rest.split('<').next());
        let Some(secs) = value
            .and_then(|value| value.parse().ok())
            .filter(|_| !is_folder)
        else {
            return Err(refusal(403, "The property cannot be set"));
        };
        self.tree.touch(&request.path, secs);
        let href = format!(
            "{}/{}",
            request.base,
            super::request::encoded(&request.path)
        );
        let text = format!(
            "<?xml version=\"1.0\"?>\n<d:multistatus xmlns:d=\"DAV:\"><d:response><d:href>{href}</d:href><d:propstat>\
             <d:prop><d:lastmodified/></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>\
             </d:multistatus>"
        );
        Ok(Message::answer(
            207,
            &[("content-type", "application/xml; charset=utf-8")],
            text.into_bytes(),
        ))
    }
}

/// The answer to a GET or HEAD of a file.
pub(super) fn content(request: &Request<'_>, node: &Node) -> Answer {
    let Some(bytes) = &node.bytes else {
        return Err(refusal(501, "GET is only implemented for files"));
    };
    let (tag, date) = (node.tag(), date(node.mtime));
    let mut headers = vec![
        ("etag", &*tag),
        ("oc-etag", &*tag),
        ("last-modified", &*date),
    ];
    headers.extend(
        node.checksum
            .as_deref()
            .map(|checksum| ("oc-checksum", checksum)),
    );
    headers.push(("accept-ranges", "bytes"));
    let Some(range) = request.header("range") else {
        return Ok(Message::answer(200, &headers, bytes.clone()));
    };
    let Some((first, last)) = range_of(range, bytes.len()) else {
        return Err(refusal(
            416,
            "The start offset exceeds the size of the entity",
        ));
    };
    let shown = format!("bytes {first}-{last}/{}", bytes.len());
    headers.push(("content-range", &shown));
    Ok(Message::answer(206, &headers, bytes[first..=last].to_vec()))
}

/// What `request` writes with these bytes.
pub(super) fn written(request: &Request<'_>, bytes: Vec<u8>) -> Written {
    Written {
        bytes,
        mtime: request.mtime(),
        checksum: request.header("oc-checksum").map(str::to_owned),
    }
}

/// The first and the last byte of one range (RFC 9110, section 14.1.2) of `len`.
fn range_of(range: &str, len: usize) -> Option<(usize, usize)> {
    let (first, last) = range.trim().strip_prefix("bytes=")?.split_once('-')?;
    if first.is_empty() {
        let count: usize = last.parse().ok()?;
        return (len > 0 && count > 0).then(|| (len.saturating_sub(count), len - 1));
    }
    let first: usize = first.parse().ok()?;
    let last = last.parse().unwrap_or(usize::MAX).min(len.checked_sub(1)?);
    (first <= last).then_some((first, last))
}
