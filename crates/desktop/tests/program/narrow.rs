//! A way to a server that lets so many bytes pass and no more, until it is widened: a transfer through it is under way
//! for as long as a test wants.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Bytes carried at once.
const PIECE: usize = 16 << 10;

/// A way for as long as the test runs.
pub(crate) struct Narrow {
    address: SocketAddr,
    carried: Arc<AtomicU64>,
    most: watch::Sender<u64>,
}

impl Narrow {
    /// To the server at `endpoint`, as wide as that.
    pub(crate) async fn to(endpoint: &str) -> Self {
        let server = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let narrow = Self {
            address: listener.local_addr().unwrap(),
            carried: Arc::default(),
            most: watch::channel(u64::MAX).0,
        };
        let (carried, most) = (Arc::clone(&narrow.carried), narrow.most.subscribe());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else {
                    continue;
                };
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                let gate = (Arc::clone(&carried), most.clone());
                tokio::spawn(carry(from_client, to_server, gate.clone()));
                tokio::spawn(carry(from_server, to_client, gate));
            }
        });
        narrow
    }

    /// Where it begins.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many bytes it has carried, both ways.
    pub(crate) fn carried(&self) -> u64 {
        self.carried.load(Ordering::SeqCst)
    }

    /// Lets so many more bytes pass.
    pub(crate) fn let_pass(&self, bytes: u64) {
        self.most.send_replace(self.carried().saturating_add(bytes));
    }

    /// Lets everything pass.
    pub(crate) fn widen(&self) {
        self.most.send_replace(u64::MAX);
    }
}

/// One direction of a connection. One that breaks is the program's to notice.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    (carried, mut most): (Arc<AtomicU64>, watch::Receiver<u64>),
) {
    let mut piece = vec![0; PIECE];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        let may_pass = most.wait_for(|most| carried.load(Ordering::SeqCst) < *most);
        if may_pass.await.is_err() {
            return;
        }
        carried.fetch_add(count as u64, Ordering::SeqCst);
        if to.write_all(&piece[..count]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
