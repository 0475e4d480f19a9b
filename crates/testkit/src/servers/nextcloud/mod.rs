//! A simulated Nextcloud: what it adds to WebDAV, and as much of WebDAV as carries that. Nextcloud itself cannot be
//! installed from any package; rclone, told that this is one, passes against it unmodified, and so does nc-py-api.
//!
//! It follows Nextcloud's developer manual, "Client APIs", "WebDAV" (docs.nextcloud.com/server/latest/developer_manual/
//! client_apis/WebDAV: basic.html, chunking.html, trashbin.html, versions.html), RFC 4918, and where those leave a question open the source of
//! nextcloud/server, apps/dav, which the lines that do so name. Everything lies in memory, and requests are answered one
//! after the other.

mod files;
mod kept;
mod login;
mod multistatus;
mod request;
mod serve;
mod tree;
mod uploads;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use super::faults::{Fault, Script};
use super::message::Message;
use kept::{Trash, Versions};
use login::Logins;
use request::{Area, Request};
use serve::{Shared, lock};
use tree::Tree;
use uploads::Uploads;

const USERNAME: &str = "tandem";
/// In the form that Nextcloud gives to app passwords.
const PASSWORD: &str = "Xw3kP-9sTqL-aaQ2m-bN7cd-Ee5fG";
/// Both, as Basic wants them (RFC 7617).
const AUTHORIZATION: &str = "Basic dGFuZGVtOlh3M2tQLTlzVHFMLWFhUTJtLWJON2NkLUVlNWZH";

/// A server of one user.
#[derive(Debug)]
pub struct Nextcloud {
    address: SocketAddr,
    state: Shared,
}

/// Which of the two a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Manner {
    #[default]
    Nextcloud,
    /// ownCloud 10: trash bin and versions are at addresses of their own (doc.owncloud.com, "WebDAV API"), there is no
    /// login flow, chunks have any names (owncloud/core, apps/dav/lib/Upload), and checksums are computed and compared
    /// (owncloud/core, lib/private/Files/Storage/Wrapper/Checksum.php).
    OwnCloud,
}

/// One request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// `PUT`.
    pub method: String,
    /// The path of its address, as it was sent.
    pub path: String,
    /// The bytes of its body.
    pub sent: u64,
    /// The status of the answer.
    pub status: u16,
}

#[derive(Debug, Default)]
struct State {
    manner: Manner,
    tree: Tree,
    uploads: Uploads,
    trash: Trash,
    versions: Versions,
    logins: Logins,
    /// Bytes that the user may store.
    limit: Option<u64>,
    /// Whether the app password was revoked, or is too old.
    is_expired: bool,
    script: Script<Tree>,
    answered: Vec<Answered>,
}

impl Nextcloud {
    /// Starts one, with nothing in it.
    pub fn start() -> io::Result<Self> {
        Self::start_as(Manner::Nextcloud)
    }

    /// The same in the manner of ownCloud 10.
    pub fn start_as_owncloud() -> io::Result<Self> {
        Self::start_as(Manner::OwnCloud)
    }

    fn start_as(manner: Manner) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State {
            manner,
            ..State::default()
        }));
        serve::start(listener, Arc::clone(&state));
        Ok(Self { address, state })
    }

    /// The address that a person types.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address of the user's files.
    pub fn files_url(&self) -> String {
        format!("{}/remote.php/dav/files/{USERNAME}", self.url())
    }

    /// The user.
    pub fn username(&self) -> &'static str {
        USERNAME
    }

    /// An app password of theirs.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// The user opens this address in a browser and lets the client in. Answers whether it is that of a sign-in.
    pub fn grant(&self, address: &str) -> bool {
        lock(&self.state).logins.grant(address)
    }

    /// From now on sign-ins are told to go on at another server.
    pub fn mislead(&self, server: &str) {
        lock(&self.state).logins.misled = Some(server.to_owned());
    }

    /// Lets the user store so many bytes and no more.
    pub fn limit(&self, bytes: u64) {
        lock(&self.state).limit = Some(bytes);
    }

    /// Holds the file at `path` (`a/b.txt`) as if somebody edited it, until [`Self::unlock`].
    pub fn lock(&self, path: &str) {
        lock(&self.state).tree.locked.insert(path.to_owned());
    }

    /// Lets go of it.
    pub fn unlock(&self, path: &str) {
        lock(&self.state).tree.locked.remove(path);
    }

    /// Puts a file at `path` as another client of the user would, with the folders above it.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let mut state = lock(&self.state);
        for (at, _) in path.match_indices('/') {
            if state.tree.get(&path[..at]).is_none() {
                state.tree.make_folder(&path[..at]);
            }
        }
        let written = tree::Written {
            bytes: bytes.to_vec(),
            mtime: None,
            checksum: None,
        };
        state.tree.write(path, written);
    }

    /// Renames what is at `from` as another client of the user would. Nothing is at `to`.
    pub fn rename(&self, from: &str, to: &str) {
        lock(&self.state).tree.shift(from, to);
    }

    /// Removes all uploads that are under way, as the server does with what nobody went on with for a day (chunking.html:
    /// "expires").
    pub fn expire_uploads(&self) {
        lock(&self.state).uploads = Uploads::default();
    }

    /// This befalls the next `times` requests of this method whose target has this part in it, after the first
    /// `spared` ones.
    pub fn script(&self, method: &str, part: &str, spared: u32, times: u32, fault: Fault) {
        let mut state = lock(&self.state);
        let then = state.tree.clone();
        state.script.add((method, part), spared, times, fault, then);
    }

    /// How many scripted faults have not befallen a request yet: a test in which one did not proves nothing.
    pub fn faults_left(&self) -> u32 {
        lock(&self.state).script.left()
    }

    /// Nothing that was scripted befalls a request any more.
    pub fn forget_faults(&self) {
        lock(&self.state).script.clear();
    }

    /// What the file at `path` holds, as another client of the user would find it.
    pub fn get(&self, path: &str) -> Option<Vec<u8>> {
        lock(&self.state).tree.get(path)?.bytes.clone()
    }

    /// Every request that was answered since this was last asked.
    pub fn answered(&self) -> Vec<Answered> {
        std::mem::take(&mut lock(&self.state).answered)
    }
}

impl State {
    fn answer(&mut self, message: &Message) -> Message {
        let is_nextcloud = self.manner == Manner::Nextcloud;
        let signed_in = if is_nextcloud {
            self.sign_in(message)
        } else {
            None
        };
        match Request::new(message) {
            None => refusal(400, "Bad request"),
            Some(_) if signed_in.is_some() => signed_in.unwrap_or_else(|| done(500)),
            Some(_)
                if self.is_expired || message.header("authorization") != Some(AUTHORIZATION) =>
            {
                let mut answer = refusal(401, "Cannot authenticate over ajax calls");
                answer.set(
                    "www-authenticate",
                    "Basic realm=\"Nextcloud\", charset=\"UTF-8\"",
                );
                answer
            }
            Some(request) => match self.ocs(message) {
                Some(told) => told,
                None => self.dispatch(&request).unwrap_or_else(|refused| refused),
            },
        }
    }

    fn dispatch(&mut self, request: &Request<'_>) -> Result<Message, Message> {
        match request.area {
            Area::Files => self.files(request),
            Area::Uploads => self.upload(request),
            Area::Trash | Area::Versions if self.manner == Manner::OwnCloud => {
                Err(refusal(404, "Principal or collection not found"))
            }
            Area::Trash => self.trash(request),
            Area::Versions => self.versions(request),
            Area::Elsewhere => Err(refusal(404, "Principal or collection not found")),
        }
    }

    /// Whether `more` bytes still fit.
    fn fits(&self, more: u64) -> Result<(), Message> {
        match self.limit {
            Some(limit) if self.tree.used() + more > limit => {
                Err(refusal(507, "Insufficient space, no free space left"))
            }
            _ => Ok(()),
        }
    }
}

/// A refusal as sabre/dav words it, on which Nextcloud is built.
fn refusal(status: u16, said: &str) -> Message {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<d:error xmlns:d=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\">\n  \
         <s:exception>Sabre\\DAV\\Exception</s:exception>\n  <s:message>{said}</s:message>\n</d:error>\n"
    );
    let headers = [("content-type", "application/xml; charset=utf-8")];
    Message::answer(status, &headers, text.into_bytes())
}

/// An answer without a body.
fn done(status: u16) -> Message {
    Message::answer(status, &[], Vec::new())
}
