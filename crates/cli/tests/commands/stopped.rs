//! Copies that are stopped or do not work out leave nothing half done.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::common::{Desk, eventually};

const MIB: usize = 1 << 20;
/// What the server says its one object holds, and how much of it it sends.
const OBJECT: usize = 20 * MIB;
const SENT: usize = 9 * MIB;

/// What the server does in the middle of a transfer.
#[derive(Clone, Copy, PartialEq)]
enum Middle {
    /// Nothing, for ever.
    Stalls,
    /// It hangs up, and forbids all further reading and writing.
    Refuses,
}

/// A bucket with the object `big`; notes the requests it gets.
#[derive(Clone)]
struct Server {
    endpoint: String,
    middle: Middle,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(middle: Middle) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            endpoint: format!("http://{}", listener.local_addr().unwrap()),
            middle,
            asked: Arc::default(),
        };
        let shared = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = shared.clone();
                std::thread::spawn(move || server.serve(stream));
            }
        });
        server
    }

    fn was_asked(&self, what: &str) -> bool {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.contains(what))
    }

    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut writer = stream.try_clone().ok()?;
        let mut reader = BufReader::new(stream);
        loop {
            let mut lines = Vec::new();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
                if line == "\r\n" {
                    break;
                }
                lines.push(line);
            }
            let first = lines.first()?.clone();
            self.asked.lock().unwrap().push(first.clone());
            self.answer(&first, &mut reader, &mut writer)?;
        }
    }

    fn answer(
        &self,
        first: &str,
        reader: &mut BufReader<TcpStream>,
        writer: &mut TcpStream,
    ) -> Option<()> {
        let say = |writer: &mut TcpStream, status: &str, more: &str, body: &str| {
            let length = body.len();
            write!(
                writer,
                "HTTP/1.1 {status}\r\n{more}Content-Length: {length}\r\n\r\n{body}"
            )
            .ok()
        };
        let object = format!("ETag: \"0123456789abcdef0123456789abcdef\"\r\n{DATE}");
        let transfers = ["partNumber=", "GET /b/big?", "/stall"]
            .iter()
            .any(|t| first.contains(t));
        if transfers && self.middle == Middle::Refuses && self.is_repeated(first) {
            return say(writer, "403 Forbidden", "", DENIED);
        }
        if first.starts_with("HEAD /b/big ") {
            return write!(
                writer,
                "HTTP/1.1 200 OK\r\n{object}Content-Length: {OBJECT}\r\n\r\n"
            )
            .ok();
        }
        if first.starts_with("HEAD ") {
            return say(writer, "404 Not Found", "", "");
        }
        if first.starts_with("POST ") && first.contains("uploads") {
            return say(writer, "200 OK", XML, BEGUN);
        }
        if first.starts_with("DELETE ") {
            return say(writer, "204 No Content", "", "");
        }
        if first.starts_with("GET /b/big?") {
            write!(
                writer,
                "HTTP/1.1 200 OK\r\n{object}Content-Length: {OBJECT}\r\n\r\n"
            )
            .ok()?;
            writer.write_all(&vec![7; SENT]).ok()?;
        }
        if transfers {
            if self.middle == Middle::Stalls {
                // Until the other side hangs up.
                let _ = reader.read_to_end(&mut Vec::new());
            }
            return None;
        }
        say(writer, "200 OK", XML, EMPTY)
    }

    /// Whether it is not the first of its kind.
    fn is_repeated(&self, first: &str) -> bool {
        let kind = first.split('?').next().unwrap_or_default();
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|line| line.split('?').next() == Some(kind))
            .count()
            > 1
    }
}

const DATE: &str = "Last-Modified: Fri, 20 Nov 2026 12:00:00 GMT\r\n";
const XML: &str = "Content-Type: application/xml\r\n";
const BEGUN: &str = "<?xml version=\"1.0\"?><InitiateMultipartUploadResult><Bucket>b</Bucket><Key>up</Key>\
    <UploadId>the-upload</UploadId></InitiateMultipartUploadResult>";
const EMPTY: &str = "<?xml version=\"1.0\"?><ListBucketResult><Name>b</Name><Prefix></Prefix><KeyCount>0</KeyCount>\
    <MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>";
const DENIED: &str =
    "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>no</Message></Error>";

/// A desk with the server as the storage `photos`, and a large file.
fn desk(server: &Server) -> Desk {
    let desk = Desk::new();
    let endpoint = format!("endpoint={}", server.endpoint);
    let mut add = vec!["storage", "add", "photos", "--type", "s3", "--no-test"];
    for value in [&*endpoint, "bucket=b", "multipart_threshold=1"] {
        add.extend(["--set", value]);
    }
    for key in ["access_key_id", "secret_access_key"] {
        add.extend(["--secret", key]);
    }
    let done = desk.run_with_passphrase(&add, "AKIAEXAMPLEKEY\nverysecretvalue\n");
    assert_eq!(done.code, 0, "{}", done.err);
    std::fs::write(desk.path("large"), vec![1; 12 * MIB]).unwrap();
    desk.folder("down");
    desk
}

/// How much lies in the folder that is copied to, under whatever names.
fn arrived(desk: &Desk) -> u64 {
    let entries = std::fs::read_dir(desk.path("down")).unwrap();
    entries.map(|e| e.unwrap().metadata().unwrap().len()).sum()
}

fn names(desk: &Desk) -> Vec<std::ffi::OsString> {
    let entries = std::fs::read_dir(desk.path("down")).unwrap();
    entries.map(|e| e.unwrap().file_name()).collect()
}

#[test]
fn a_copy_up_that_is_stopped_leaves_no_open_upload() {
    let server = Server::start(Middle::Stalls);
    let desk = desk(&server);
    let copying = desk.start_with_passphrase(&["cp", "large", "photos:up"]);
    eventually("the first part", || server.was_asked("partNumber="));
    assert_eq!(copying.stop().code, 130);
    assert!(server.was_asked("DELETE /b/up?"), "{:?}", server.asked);
}

#[test]
fn a_copy_up_that_is_refused_leaves_no_open_upload() {
    let server = Server::start(Middle::Refuses);
    let desk = desk(&server);
    let done = desk.run_with_passphrase(&["cp", "large", "photos:up"], "");
    assert_eq!(done.code, 4, "{}", done.err);
    assert!(server.was_asked("DELETE /b/up?"), "{:?}", server.asked);
}

#[test]
fn a_copy_down_that_is_stopped_leaves_no_file() {
    let server = Server::start(Middle::Stalls);
    let desk = desk(&server);
    let copying = desk.start_with_passphrase(&["cp", "photos:big", "down"]);
    eventually("a part of the file", || arrived(&desk) >= 8 * MIB as u64);
    assert_eq!(copying.stop().code, 130);
    assert!(names(&desk).is_empty(), "{:?}", names(&desk));
}

#[test]
fn a_copy_down_that_breaks_off_leaves_no_file() {
    let server = Server::start(Middle::Refuses);
    let desk = desk(&server);
    let done = desk.run_with_passphrase(&["cp", "photos:big", "down"], "");
    assert_eq!(done.code, 4, "{}", done.err);
    assert!(names(&desk).is_empty(), "{:?}", names(&desk));
}

#[test]
fn a_copy_through_the_owner_is_cleaned_up_by_the_owner() {
    let server = Server::start(Middle::Stalls);
    let desk = desk(&server);
    let running = desk.start_with_passphrase(&["run"]);
    let pid = running.id().to_string();
    eventually("the owner", || desk.owner() == pid);
    let copying = desk.start_with_passphrase(&["cp", "large", "photos:up"]);
    eventually("the first part", || server.was_asked("partNumber="));
    assert_eq!(copying.stop().code, 130);
    eventually("the end of the upload", || {
        server.was_asked("DELETE /b/up?")
    });
    // One that is under way when the owner stops, too.
    let copying = desk.start_with_passphrase(&["cp", "photos:big", "down"]);
    eventually("a part of the file", || arrived(&desk) >= 8 * MIB as u64);
    assert_eq!(running.stop().code, 130);
    assert!(names(&desk).is_empty(), "{:?}", names(&desk));
    drop(copying);
}

#[test]
fn a_stream_that_is_stopped_ends_with_its_own_noun() {
    let last = |done: crate::common::Done| -> Value {
        assert_eq!(done.code, 130, "{}", done.err);
        serde_json::from_str(done.out.lines().last().unwrap()).unwrap()
    };
    let desk = crate::synced();
    let following = desk.start(&["--json", "log", "--follow"]);
    std::thread::sleep(std::time::Duration::from_secs(2));
    let summary = last(following.stop());
    let expected = serde_json::json!({"schema": 1, "event": "summary", "exit": 130, "actions": []});
    assert_eq!(summary, expected);

    let server = Server::start(Middle::Stalls);
    let desk = self::desk(&server);
    let (left, right) = (desk.folder("left"), desk.folder("right"));
    desk.ok(&["pair", "add", "docs", &left, &right]);
    let id = desk.json(&["storage", "show", "photos"])["storage"]["id"].clone();
    let text = desk.read("profile/config.toml");
    let local = format!("[pair.destination]\nstorage = \"local\"\npath = \"{right}\"");
    let remote = format!("[pair.destination]\nstorage = {id}\npath = \"stall\"");
    assert!(text.contains(&local), "{text}");
    desk.write("profile/config.toml", &text.replace(&local, &remote));
    let syncing = desk.start_with_passphrase(&["--json", "sync"]);
    eventually("a request", || server.was_asked("stall"));
    let summary = last(syncing.stop());
    let expected = serde_json::json!({"schema": 1, "event": "summary", "exit": 130, "pairs": []});
    assert_eq!(summary, expected);
}
