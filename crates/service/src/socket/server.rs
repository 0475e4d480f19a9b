//! The owner's end of the socket.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::{Frame, HELLO_WITHIN, Hello, LONGEST_REQUEST, PROTOCOL, line, path};
use crate::fault::Fault;
use crate::profile::{remove_file, set_mode};
use crate::request::Request;
use crate::service::Service;

/// How many processes are served at once; more wait.
const CONNECTIONS: usize = 32;
/// How many updates of a request wait to be sent.
const UPDATES: usize = 64;
/// A process that takes nothing of its answer for so long is let go: what it asked for is in others' way.
const READ_WITHIN: Duration = Duration::from_secs(60);

/// Answers other processes for as long as it is kept.
#[derive(Debug)]
pub struct Server {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
    busy: Counter,
    path: PathBuf,
}

/// How many processes wait for an answer that will come.
type Counter = Arc<watch::Sender<usize>>;

/// One of them, for as long as it is kept.
struct Busy(Counter);

impl Busy {
    fn new(counter: &Counter) -> Self {
        counter.send_modify(|n| *n += 1);
        Self(Arc::clone(counter))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.send_modify(|n| *n -= 1);
    }
}

impl Server {
    /// Listens on behalf of `service`. A socket that is there is a dead owner's: the profile is ours.
    ///
    /// # Errors
    /// What the system says.
    pub fn start(service: Service) -> io::Result<Self> {
        let path = path(service.profile())?;
        remove_file(&path)?;
        let listener = UnixListener::bind(&path)?;
        set_mode(&path, 0o600)?;
        let (stop, stopped) = watch::channel(false);
        let busy = Counter::new(watch::channel(0).0);
        let task = tokio::spawn(accept(listener, service, Arc::clone(&busy), stopped));
        Ok(Self {
            task,
            stop,
            busy,
            path,
        })
    }

    /// Ends when nobody waits for an answer, but for those who are told for ever.
    pub async fn rest(&self) {
        // An error means that there is nobody to count.
        let _ = self.busy.subscribe().wait_for(|n| *n == 0).await;
    }

    /// Stops, and waits until every request under way is dropped.
    pub async fn close(mut self) {
        self.stop.send_replace(true);
        // An error means that it ended in another way, which is as good.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        // If it stays, the next owner removes it.
        let _ = remove_file(&self.path);
    }
}

async fn accept(
    listener: UnixListener,
    service: Service,
    busy: Counter,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    tokio::select! {
        () = accept_all(&listener, &service, &busy, &mut connections) => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    connections.shutdown().await;
}

async fn accept_all(
    listener: &UnixListener,
    service: &Service,
    counter: &Counter,
    connections: &mut JoinSet<()>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not made");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if !is_same_user(&stream) {
            tracing::warn!("another user's process was turned away");
            continue;
        }
        let service = service.clone();
        let busy = Busy::new(counter);
        connections.spawn(async move {
            if let Err(error) = serve(stream, service, busy).await {
                tracing::debug!(%error, "a connection ended");
            }
            drop(place);
        });
    }
}

fn is_same_user(stream: &UnixStream) -> bool {
    stream
        .peer_cred()
        .is_ok_and(|peer| peer.uid() == rustix::process::getuid().as_raw())
}

/// Serves one process. It counts as `busy` until its first request is there, if that does not take long.
async fn serve(stream: UnixStream, service: Service, busy: Busy) -> io::Result<()> {
    let counter = Arc::clone(&busy.0);
    let mut fresh = Some(busy);
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let ours = Hello::of(service.profile());
    let theirs =
        tokio::time::timeout(HELLO_WITHIN, line::receive::<Hello, _>(&mut reader, 4096)).await;
    line::send(&mut writer, &ours).await?;
    match theirs {
        Ok(Ok(Some(theirs))) if theirs.protocol == PROTOCOL && theirs.profile == ours.profile => {}
        Ok(Ok(None)) => return Ok(()),
        _ => return refuse(&mut writer, "it does not speak this protocol").await,
    }
    loop {
        let text = {
            let reading = line::read(&mut reader, LONGEST_REQUEST);
            tokio::pin!(reading);
            match tokio::time::timeout(HELLO_WITHIN, &mut reading).await {
                Ok(text) => text,
                Err(_) => {
                    drop(fresh.take());
                    reading.await
                }
            }
        };
        let text = match text {
            Ok(Some(text)) => zeroize::Zeroizing::new(text),
            Ok(None) => return Ok(()),
            Err(error) => return refuse(&mut writer, &error.to_string()).await,
        };
        // The parser's message is not sent: it could quote a secret.
        let Ok(request) = serde_json::from_slice::<Request>(&text) else {
            refuse(&mut writer, "the request is not known").await?;
            continue;
        };
        drop(text);
        let _busy = (!request.is_endless()).then(|| Busy::new(&counter));
        drop(fresh.take());
        if !answer(&service, request, &mut reader, &mut writer).await? {
            return Ok(());
        }
    }
}

/// Answers one request. False if the other process is gone, which stops its request.
async fn answer(
    service: &Service,
    request: Request,
    reader: &mut BufReader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
) -> io::Result<bool> {
    let (updates, mut told) = mpsc::channel(UPDATES);
    let handling = service.handle(request, updates);
    tokio::pin!(handling);
    let mut byte = [0; 1];
    let result = loop {
        tokio::select! {
            biased;
            Some(update) = told.recv() => send(writer, &Frame::Update(update)).await?,
            result = &mut handling => break result,
            // Nothing may come before the answer: the end of the stream, or nonsense.
            _ = reader.read(&mut byte) => return Ok(false),
        }
    };
    while let Ok(update) = told.try_recv() {
        send(writer, &Frame::Update(update)).await?;
    }
    let frame = match result {
        Ok(answer) => Frame::Answer(Box::new(answer)),
        Err(failure) => Frame::Error(failure),
    };
    send(writer, &frame).await?;
    Ok(true)
}

/// Sends a line to a process that reads.
async fn send(writer: &mut OwnedWriteHalf, frame: &Frame) -> io::Result<()> {
    tokio::time::timeout(READ_WITHIN, line::send(writer, frame))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

async fn refuse(writer: &mut OwnedWriteHalf, why: &str) -> io::Result<()> {
    line::send(
        writer,
        &Frame::Error(Fault::Protocol(why.to_owned()).failure()),
    )
    .await
}
