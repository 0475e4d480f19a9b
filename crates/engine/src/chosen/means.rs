//! What a change that a person chose needs from the pair: that its roots are what they were, what stands at
//! a place, where a pre-image goes, and that the item is out of step while it is changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use tandem_core::content::{ByteStream, BytesContent, Content, SharedContent};
use tandem_core::entry::{Entry, Kind};
use tandem_core::error::Cause;
use tandem_core::guard::{Guard, Hold, root_guard};
use tandem_core::names;
use tandem_core::path::RelPath;
use tandem_core::plan::{self, BaseItem, Input, Plan, Refused};
use tandem_core::policy::Policy;
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::{Keep, Locator, Meta, Root, VersionKey};

use super::Answer;
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::guarding::root_hold;
use crate::state::{Loaded, Released, UNDONE};

/// A plan asks so often for evidence.
const MOST_EVIDENCE: u32 = 8;

/// The bytes of a version.
pub(crate) struct KeptContent {
    root: Arc<dyn Root>,
    key: VersionKey,
    size: u64,
}

#[async_trait]
impl Content for KeptContent {
    fn len(&self) -> u64 {
        self.size
    }

    async fn open(&self, offset: u64, length: u64) -> Answer<ByteStream> {
        self.root.read_version(&self.key, offset, length).await
    }
}

/// What was taken out of step for a change.
#[derive(Debug, Default)]
pub(crate) struct Left {
    released: Vec<Released>,
    item: Option<Box<BaseItem>>,
}

impl Left {
    /// What each side had.
    pub(crate) fn released(&self) -> &[Released] {
        &self.released
    }

    /// The item, if it is a file or link that both sides had and can be in step again.
    pub(crate) fn to_rejoin(&self) -> Option<Box<BaseItem>> {
        self.item.clone().filter(|item| {
            matches!(item.kind, Kind::File | Kind::Symlink)
                && item.entries.source.is_some()
                && item.entries.destination.is_some()
        })
    }
}

impl Engine {
    /// The holds that the roots call for. Unlike at the beginning of a pass nothing is made or stored.
    pub(crate) async fn roots_as_known(&self) -> Result<Vec<Hold>> {
        let mut holds = Vec::new();
        for side in Side::BOTH {
            let expected = self.stored_identity(side)?;
            let found = match self.root(side).identity(false).await {
                Ok(found) => Some(found),
                Err(error) if error.cause == Cause::NotFound && expected.is_some() => None,
                Err(error) => return Err(EngineError::Storage { side, error }),
            };
            if expected.is_none() {
                continue;
            }
            match root_guard(expected.as_ref(), found.as_ref()) {
                None => {}
                Some(Guard::RootMissing) => holds.push(root_hold(Guard::RootMissing, side, None)),
                Some(guard) => holds.push(root_hold(guard, side, found.as_ref())),
            }
        }
        Ok(holds)
    }

    /// Nothing is changed in a folder that is not the one the pair was made with.
    pub(crate) async fn require_roots(&self) -> Result<()> {
        match self.roots_as_known().await?.first() {
            None => Ok(()),
            Some(hold) => {
                let guard = hold.kind.guard();
                Err(EngineError::Refused(format!(
                    "a folder of the pair is not what it was: {guard}"
                )))
            }
        }
    }

    /// What is at a path now.
    pub(crate) async fn stat(&self, side: Side, path: &RelPath) -> Result<Option<Entry>> {
        let at = Locator::of_path(path.clone());
        self.root(side)
            .stat(&at)
            .await
            .map_err(Self::storage_error(side))
    }

    /// A pair's path as a side spells it.
    pub(crate) fn native_path(&self, side: Side, path: &RelPath) -> RelPath {
        names::encode_path(path, &self.capabilities(side).names).unwrap_or_else(|_| path.clone())
    }

    /// A side's path as the pair spells it.
    pub(crate) fn pair_path(&self, side: Side, path: &RelPath) -> RelPath {
        names::decode_path(path, &self.capabilities(side).names).unwrap_or_else(|_| path.clone())
    }

    /// Superseded content is kept wherever the side can.
    pub(crate) fn keep_superseded(&self, side: Side, path: &RelPath) -> Keep {
        if self.capabilities(side).versions {
            Keep::Version(self.version_key(path))
        } else {
            Keep::No
        }
    }

    /// Content that nobody derived anything from is kept, or nothing is done (P1 a).
    pub(crate) fn keep_unseen(&self, side: Side, path: &RelPath) -> Result<Keep> {
        if self.capabilities(side).versions {
            return Ok(Keep::Version(self.version_key(path)));
        }
        Err(EngineError::Refused(format!(
            "the {side} cannot keep what {:?} holds now",
            path.as_str()
        )))
    }

    /// The bytes of a version, and what is set beside them.
    pub(crate) fn kept_content(
        &self,
        side: Side,
        key: &VersionKey,
        entry: &Entry,
    ) -> (SharedContent, Meta) {
        let content: SharedContent = if entry.kind == Kind::File {
            Arc::new(KeptContent {
                root: Arc::clone(self.root(side)),
                key: key.clone(),
                size: entry.size,
            })
        } else {
            Arc::new(BytesContent(bytes::Bytes::new()))
        };
        (content, self.meta_for(side, entry))
    }

    /// The plan under another policy than the pair's.
    pub(crate) async fn plan_under(&self, policy: &Policy) -> Result<(Plan, Loaded)> {
        self.plan_with(policy, &BTreeSet::new()).await
    }

    /// The same, with what is detached at these places.
    pub(crate) async fn plan_with(
        &self,
        policy: &Policy,
        attached: &BTreeSet<(Side, RelPath)>,
    ) -> Result<(Plan, Loaded)> {
        let capabilities = PerSide::from_fn(|side| self.capabilities(side));
        for _ in 0..MOST_EVIDENCE {
            let is_out = self.is_out();
            let loaded = self.state().load_with(capabilities, &is_out, attached)?;
            let device = self.setup.device.as_str();
            let plan = plan::plan(&Input {
                trees: &loaded.trees,
                capabilities,
                policy,
                device,
                refused: &Refused::default(),
            });
            if plan.evidence.is_empty() {
                return Ok((plan, loaded));
            }
            self.gather(&plan).await?;
        }
        Err(EngineError::Refused(
            "the contents asked for keep changing".to_owned(),
        ))
    }

    /// As what a place stays detached: as it is now, or where the side follows, whatever it is, for then only
    /// the leading side's changes count.
    pub(crate) fn while_it_is<'e>(&self, side: Side, entry: &'e Entry) -> Option<&'e Entry> {
        let follows = self
            .setup
            .options
            .policy
            .mode
            .leader()
            .is_some_and(|leader| leader != side);
        (!follows).then_some(entry)
    }

    /// Takes what is at a place out of step before it is changed there, so that a crash in between carries
    /// nothing to the other side.
    pub(crate) fn leave_alone(&self, side: Side, path: &RelPath, now: &Entry) -> Result<Left> {
        self.state().transaction(|state| {
            let item = state.item_at(side, path)?;
            let released = match &item {
                Some(item) => state.release(item)?,
                None => Vec::new(),
            };
            for one in &released {
                state.detach(
                    one.side,
                    &one.path,
                    UNDONE,
                    self.while_it_is(one.side, &one.entry),
                )?;
            }
            state.detach(side, path, UNDONE, self.while_it_is(side, now))?;
            Ok(Left {
                released,
                item: item.map(Box::new),
            })
        })
    }

    /// The change did not come about: what was taken out of step is carried again.
    pub(crate) fn carry_again(&self, side: Side, path: &RelPath, left: &Left) -> Result<()> {
        self.state().transaction(|state| {
            left.released
                .iter()
                .try_for_each(|one| state.attach(one.side, &one.path))?;
            state.attach(side, path)
        })
    }
}
