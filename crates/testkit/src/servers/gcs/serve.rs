//! The server's connections: HTTP/1.1 by hyper, in a thread of their own.

use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

use super::message::{Answer, Request};
use super::refusal::Refusal;
use super::state::State;
use crate::servers::faults::Fault;

/// What all connections share.
pub(super) type Shared = Arc<Mutex<State>>;

pub(super) fn lock(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers at `listener` until the sender of `stop` is dropped.
pub(super) fn start(
    listener: TcpListener,
    state: Shared,
    stop: oneshot::Receiver<()>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::spawn(move || {
        let served = runtime.block_on(async {
            tokio::select! {
                served = accept(listener, state) => served,
                _ = stop => Ok(()),
            }
        });
        // Nobody waits for it: clients notice that nothing answers.
        drop(served);
    });
    Ok(())
}

async fn accept(listener: TcpListener, state: Shared) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (connection, _) = listener.accept().await?;
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(|request| serve(request, &state));
            let served = http1::Builder::new().serve_connection(TokioIo::new(connection), service);
            // A connection that breaks is the client's to notice.
            drop(served.await);
        });
    }
}

/// Answers one request. An error closes the connection.
async fn serve(
    request: hyper::Request<Incoming>,
    state: &Shared,
) -> io::Result<hyper::Response<Outgoing>> {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |all| all.as_str());
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    let headers: BTreeMap<_, _> = headers.collect();
    let mut request = Request::new(head.method.as_str(), target, headers);
    let struck = {
        let mut state = lock(state);
        state
            .log
            .push(format!("{} {}", request.method, request.target));
        state.script.strike(&request.method, &request.target)
    };
    let (fault, then) = struck.map_or((None, None), |(fault, then)| (Some(fault), Some(then)));
    let limit = match fault {
        Some(Fault::CutRequest(limit)) => limit,
        _ => usize::MAX,
    };
    (request.body, request.is_whole) = read(body, limit).await;
    if let Some(Fault::Slow(time)) = fault {
        tokio::time::sleep(time).await;
    }
    let answer = {
        let mut state = lock(state);
        state.received += request.body.len() as u64;
        match &fault {
            Some(Fault::LoseRequest) => return Err(lost()),
            Some(Fault::Status {
                status,
                retry_after,
            }) => refuse(&request, *status, *retry_after),
            Some(Fault::ExpireTokens) => {
                state.accounts.expire();
                state.answer(&request)
            }
            Some(Fault::StaleListing) => {
                let now = std::mem::replace(&mut state.buckets, then.unwrap_or_default());
                let answer = state.answer(&request);
                state.buckets = now;
                answer
            }
            _ => state.answer(&request),
        }
    };
    match fault {
        Some(Fault::LoseAnswer) => Err(lost()),
        // What was taken may be kept, but it is not told.
        _ if !request.is_whole => Err(lost()),
        Some(Fault::CutAnswer(limit)) => respond(answer, Some(limit)),
        Some(Fault::ShortAnswer(limit)) => {
            let body = answer.body.slice(..limit.min(answer.body.len()));
            respond(Answer { body, ..answer }, None)
        }
        Some(Fault::DoubleAnswer) => {
            let body = [&answer.body[..], &answer.body[..]].concat().into();
            respond(Answer { body, ..answer }, None)
        }
        _ => respond(answer, None),
    }
}

fn lost() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

fn refuse(request: &Request, status: u16, retry_after: Option<u32>) -> Answer {
    let (reason, message) = match status {
        401 => ("authError", "Invalid Credentials"),
        429 => (
            "rateLimitExceeded",
            "The object exceeded the rate limit for object mutation operations (create, update, and delete). Please \
             reduce your request rate.",
        ),
        _ => (
            "backendError",
            "We encountered an internal error. Please try again.",
        ),
    };
    let answer = Refusal::new(status, reason, message).answer(request);
    match retry_after {
        Some(secs) => answer.with("retry-after", &secs.to_string()),
        None => answer,
    }
}

/// A body up to `limit` bytes, and whether that is all of it.
async fn read(mut body: Incoming, limit: usize) -> (Bytes, bool) {
    let mut all = BytesMut::new();
    loop {
        let next = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        match next {
            None => return (all.freeze(), true),
            Some(Err(_)) => return (all.freeze(), false),
            Some(Ok(frame)) => all.extend_from_slice(&frame.into_data().unwrap_or_default()),
        }
        if all.len() > limit {
            all.truncate(limit);
            return (all.freeze(), false);
        }
    }
}

fn respond(answer: Answer, limit: Option<usize>) -> io::Result<hyper::Response<Outgoing>> {
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let body = Outgoing {
        left: answer.body.len(),
        shown: limit.map_or(answer.body.len(), |limit| limit.min(answer.body.len())),
        body: Some(answer.body),
    };
    response.body(body).map_err(io::Error::other)
}

/// The body of an answer, which may break off.
struct Outgoing {
    body: Option<Bytes>,
    /// How many bytes it is said to have.
    left: usize,
    /// How many of them are sent.
    shown: usize,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(body) = self.body.take() {
            self.left -= self.shown;
            return Poll::Ready(Some(Ok(Frame::data(body.slice(..self.shown)))));
        }
        if self.left == 0 {
            return Poll::Ready(None);
        }
        // Once more, so that what was shown is on its way before the connection is closed.
        if self.shown > 0 {
            self.shown = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(lost())))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left as u64)
    }
}
