//! Waiting for changes by LISTEN (postgresql.org/docs/current/sql-listen.html). A notification comes with the commit
//! that it was told in, and none from before is missed by whoever looks after listening began.

use std::time::Duration;

use tandem_core::error::Result;
use tokio::runtime::Handle;

use super::session::Session;
use super::{CHANNEL, errors};
use crate::db::sql::{Connection, Watch};

/// The longest that a thread waits, so that whoever does not wait any longer is not held up.
const LONGEST: Duration = Duration::from_secs(1);

/// A session that only listens.
pub(super) struct Listener {
    session: Session,
}

impl Listener {
    pub(super) fn new(mut session: Session) -> Result<Self> {
        session.batch(&format!("LISTEN {CHANNEL}"))?;
        Ok(Self { session })
    }
}

impl Watch for Listener {
    fn changed(&mut self, most: Duration) -> Result<bool> {
        let heard = self.session.heard.changed();
        let waited = async { tokio::time::timeout(most.min(LONGEST), heard).await };
        match Handle::current().block_on(waited) {
            Ok(Ok(())) => Ok(true),
            Ok(Err(_)) => Err(errors::cut_off()),
            Err(_) => Ok(false),
        }
    }
}
