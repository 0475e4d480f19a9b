//! Hearing of changes (DESIGN 6.3): hints, never evidence.
//!
//! Each folder is watched by itself, so that it is known which are not: where the system has no more watches
//! to give, the rest is polled. What lies on a network is watched and polled: of what others change there this system is
//! not told. Invariant: a folder is hinted at after its watch was placed, so that what happened in it before is looked at,
//! and what happens after is heard.

mod keeper;
mod mounted;
mod news;
mod orders;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::{Hint, WatchCoverage};

use crate::disk::Disk;
use keeper::Keeper;
use mounted::Mounted;
use news::News;
use orders::Orders;

/// How often what cannot be watched is hinted at.
const POLL: Duration = Duration::from_secs(30);

/// How often what others change unheard is: as often as a storage without a feed is looked at (DESIGN 4). A walk of a
/// whole tree on a server is not for nothing.
const POLL_OTHERS: Duration = Duration::from_secs(300);

/// The watch on one root.
#[derive(Debug)]
pub(crate) struct Watch {
    news: Arc<News>,
    orders: Orders,
    mounted: Mounted,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.orders.stop();
    }
}

impl Watch {
    /// Starts watching beside the caller. `most` bounds the watches taken.
    pub(crate) fn start(disk: &Arc<Disk>, most: Option<u64>) -> Result<Self> {
        let news = Arc::new(News::default());
        let (orders, arriving) = Orders::new();
        let keeper = Keeper::new(disk, news.clone(), orders.clone(), most);
        std::thread::Builder::new()
            .name("tandem-watch".to_owned())
            .spawn(move || keeper.run(&arriving))
            .map_err(|error| {
                StorageError::new("wait", Cause::Other, "no thread can be started").because(error)
            })?;
        Ok(Self {
            news,
            orders,
            mounted: Mounted::below(&disk.path),
        })
    }

    /// How far it reaches; `None` until every folder was looked at.
    pub(crate) fn coverage(&self) -> Option<WatchCoverage> {
        self.news.coverage().map(|coverage| WatchCoverage {
            polled_every: POLL,
            shared_every: POLL_OTHERS,
            ..coverage
        })
    }

    /// Ends with hints, or with none when `deadline` has passed since the watches were placed.
    pub(crate) async fn wait(&self, disk: &Disk, deadline: Duration) -> Result<Vec<Hint>> {
        self.started().await?;
        let environment = &disk.environment;
        let end = environment.uptime().saturating_add(deadline);
        loop {
            let heard = self.news.heard();
            let now = environment.uptime();
            let until_poll = self.news.poll(now);
            let until_mounts = self.mounted.poll(now, &self.orders);
            let hints = self.news.take();
            if !hints.is_empty() {
                return Ok(hints);
            }
            let left = end.saturating_sub(now);
            if left.is_zero() {
                return Ok(Vec::new());
            }
            let polls = until_poll.into_iter().chain(until_mounts);
            let pause = polls.chain([left]).min().unwrap_or(left);
            match select(Box::pin(heard), environment.sleep(pause)).await {
                Either::Left(_) | Either::Right(_) => {}
            }
        }
    }

    /// Ends when every watch was placed. A caller that does not wait for that is told to look at all.
    async fn started(&self) -> Result<()> {
        struct Impatient<'a>(&'a News, bool);
        impl Drop for Impatient<'_> {
            fn drop(&mut self) {
                if self.1 {
                    self.0.look_at_all();
                }
            }
        }
        let mut impatient = Impatient(&self.news, true);
        loop {
            let heard = self.news.heard();
            match self.news.started() {
                Some(Ok(())) => {
                    impatient.1 = false;
                    return Ok(());
                }
                Some(Err(why)) => {
                    impatient.1 = false;
                    return Err(StorageError::new("wait", Cause::Other, why));
                }
                None => heard.await,
            }
        }
    }
}
