//! Waiting without a runtime: for other tasks, and in real time for storages that are not simulated.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

/// Lets others run once.
pub(super) async fn yield_now() {
    let mut rested = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut rested, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Ends after `time`; a thread wakes the sleeper.
pub(super) async fn real(time: Duration) {
    let state = Arc::new(Mutex::new((false, None::<Waker>)));
    let sleeper = Arc::clone(&state);
    std::thread::spawn(move || {
        std::thread::sleep(time);
        let mut state = sleeper.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = true;
        if let Some(waker) = state.1.take() {
            waker.wake();
        }
    });
    std::future::poll_fn(move |cx| {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(cx.waker().clone());
        Poll::Pending
    })
    .await;
}
