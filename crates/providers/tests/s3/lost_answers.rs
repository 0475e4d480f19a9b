//! Answers that get lost after the request was done (P14): a proxy forwards everything, and cuts the connection when
//! the answer to the first request comes that it was told of.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tandem_core::path::RelPath;
use tandem_core::storage::{Discard, Expected, Keep, Root};
use tandem_testkit::servers::{Moto, RcloneS3};

use crate::bench::{PARTS_FROM, Shared, write};

static MOTO: Shared = Shared::new(Moto::start);
static RCLONE: Shared = Shared::new(RcloneS3::start);

/// Forwards to a server.
struct Proxy {
    address: SocketAddr,
    /// How the request begins whose answer gets lost; taken by the first one.
    doomed: Arc<Mutex<Option<String>>>,
}

impl Proxy {
    fn before(endpoint: &str) -> Self {
        let server = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let doomed = Arc::new(Mutex::new(None));
        let rule = Arc::clone(&doomed);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
                let cut = Arc::new(AtomicBool::new(false));
                let (rule, marked) = (Arc::clone(&rule), Arc::clone(&cut));
                let mut up = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || forward(&mut up, |bytes| notice(bytes, &rule, &marked)));
                let mut down = (server, client);
                std::thread::spawn(move || forward(&mut down, |_| !cut.load(Ordering::SeqCst)));
            }
        });
        Self { address, doomed }
    }

    fn lose(&self, request: &str) {
        *self.doomed.lock().unwrap() = Some(request.to_owned());
    }

    fn has_lost(&self) -> bool {
        self.doomed.lock().unwrap().is_none()
    }
}

/// Marks the connection if this is the request whose answer gets lost. Forwards it in any case.
fn notice(bytes: &[u8], rule: &Mutex<Option<String>>, marked: &AtomicBool) -> bool {
    let mut rule = rule.lock().unwrap();
    if rule
        .as_ref()
        .is_some_and(|text| bytes.starts_with(text.as_bytes()))
    {
        *rule = None;
        marked.store(true, Ordering::SeqCst);
    }
    true
}

fn forward(streams: &mut (TcpStream, TcpStream), mut passes: impl FnMut(&[u8]) -> bool) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match streams.0.read(&mut buffer) {
            Ok(len) if len > 0 && passes(&buffer[..len]) => {
                if streams.1.write_all(&buffer[..len]).is_err() {
                    break;
                }
            }
            _ => break,
        }
    }
    let _ = streams.0.shutdown(Shutdown::Both);
    let _ = streams.1.shutdown(Shutdown::Both);
}

async fn done_once_although_the_answer_is_lost(shared: &Shared) {
    let bucket = shared.bucket();
    let proxy = Proxy::before(bucket.server.endpoint());
    let endpoint = format!("http://{}", proxy.address);
    let storage = bucket.open(Some(&shared.probed().await), &[("endpoint", &endpoint)]);
    let root: Arc<dyn Root> = storage.root("").await.unwrap();
    let (path, to) = (
        RelPath::new("file").unwrap(),
        RelPath::new("moved").unwrap(),
    );
    let put = format!("PUT /{}/file", bucket.name);

    proxy.lose(&put);
    let made = write(&*root, &path, b"first", Expected::Absent)
        .await
        .unwrap();
    assert!(proxy.has_lost());

    proxy.lose(&put);
    let expected = Expected::Revision(made.entry.revision);
    let made = write(&*root, &path, b"second", expected).await.unwrap();
    assert!(proxy.has_lost());

    proxy.lose(&format!("PUT /{}/moved", bucket.name));
    let expected = Expected::Revision(made.entry.revision);
    let from = path.clone().into();
    let moved = root
        .move_to(&from, &expected, &to, &Expected::Absent, &Keep::No)
        .await
        .unwrap();
    assert!(proxy.has_lost());

    proxy.lose(&format!("DELETE /{}/moved", bucket.name));
    let expected = Expected::Revision(moved.entry.revision);
    let deleted = root
        .delete(&to.into(), &expected, &Keep::No, Discard::Forever)
        .await
        .unwrap();
    assert!(proxy.has_lost());
    assert!(!deleted.was_absent);

    let large = vec![7; usize::try_from(PARTS_FROM).unwrap() + 1];
    proxy.lose(&format!("POST /{}/file?uploadId", bucket.name));
    let made = write(&*root, &path, &large, Expected::Absent)
        .await
        .unwrap();
    assert!(proxy.has_lost(), "finishing an upload goes another way");
    assert_eq!(made.entry.size, large.len() as u64);
}

#[tokio::test]
async fn a_change_is_done_once_although_its_answer_is_lost() {
    done_once_although_the_answer_is_lost(&MOTO).await;
}

#[tokio::test]
async fn a_change_is_done_once_where_no_condition_is_heeded() {
    done_once_although_the_answer_is_lost(&RCLONE).await;
}
