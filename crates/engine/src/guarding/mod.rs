//! Stops actions that need a person's decision (DESIGN 4, step 4).

mod census;
mod deletes;
mod pair;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tandem_core::entry::Kind;
use tandem_core::error::Cause;
use tandem_core::guard::{
    Digest, Evidence, Fact, Guard, GuardSettings, Hold, item_digest, root_guard,
};
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::{Action, Deed, ItemId, Reason};
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::{Expected, Identity, RootIdentity};
use tandem_core::{mutant, removed};

pub(crate) use census::Census;

use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::report::PlannedAction;

/// Nanoseconds in the sliding hour of the guards.
const HOUR: i64 = 3_600_000_000_000;

/// A held action with what is needed to reject it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct HeldAction {
    pub(crate) side: Side,
    pub(crate) path: RelPath,
    pub(crate) parent: ItemId,
    pub(crate) name: Name,
    pub(crate) digest: u64,
    pub(crate) reason: Reason,
    pub(crate) bytes: u64,
}

impl HeldAction {
    fn of(action: &Action) -> Option<Self> {
        Some(Self {
            side: action.side,
            path: action.path()?.clone(),
            parent: action.standing.parent,
            name: action.standing.name.clone(),
            digest: digest(action)?,
            reason: action.reason,
            bytes: action.bytes(),
        })
    }

    pub(crate) fn planned(&self) -> PlannedAction {
        PlannedAction {
            kind: crate::report::ActionKind::Delete,
            side: self.side,
            path: self.path.to_string(),
            to: None,
            bytes: self.bytes,
            reason: self.reason,
        }
    }
}

/// The list of a hold on deletes.
pub(crate) fn held_deletes(actions: &str) -> Result<Vec<HeldAction>> {
    serde_json::from_str(actions).map_err(|e| EngineError::DamagedState(e.to_string()))
}

/// The digest under which an action is held and approved.
pub(crate) fn digest(action: &Action) -> Option<u64> {
    let what = match action.side {
        Side::Source => "delete on source",
        Side::Destination => "delete on destination",
    };
    // A folder's revision changes as what is in it goes, each by its own approval.
    let expected = match &action.deed {
        Deed::Delete { at, .. } if at.entry.kind == Kind::Folder => Expected::Any,
        _ => action.expected(),
    };
    Some(item_digest(action.path()?, what, &expected))
}

/// What the guards of the pair made of a plan.
#[derive(Debug, Default)]
pub(crate) struct Guarded {
    /// What is held, each with its list.
    pub(crate) holds: Vec<(Hold, String)>,
    /// What would have held the pair and was let pass.
    pub(crate) passed: BTreeSet<u64>,
}

impl Engine {
    pub(crate) fn guard_settings(&self) -> Result<GuardSettings> {
        let mut weak = false;
        for side in Side::BOTH {
            let known = self.stored_identity(side)?;
            weak |= known.is_some_and(|root| root.identity == Identity::Weak);
        }
        let settings = self.setup.options.guards;
        Ok(if weak {
            settings.for_weak_root()
        } else {
            settings
        })
    }

    pub(crate) fn stored_identity(&self, side: Side) -> Result<Option<RootIdentity>> {
        let text = self.state().meta(&format!("identity {side}"))?;
        text.map(|t| serde_json::from_str(&t).map_err(|e| EngineError::DamagedState(e.to_string())))
            .transpose()
    }

    fn store_identity(&self, side: Side, identity: &RootIdentity) -> Result<()> {
        let text = text(identity)?;
        self.state().set_meta(&format!("identity {side}"), &text)
    }

    /// Whether both roots are the folders this pair was made with. What is wrong is held.
    pub(crate) async fn guard_roots(&self) -> Result<Vec<Hold>> {
        let mut holds = Vec::new();
        for side in Side::BOTH {
            let expected = self.stored_identity(side)?;
            let (wrong, found) = self.ask_root(side, expected.as_ref()).await?;
            match (wrong, found) {
                (None, Some(found)) if expected.is_none() => {
                    // A marker that a power loss takes back must not be remembered.
                    let settled = self.settle(side).await;
                    settled.map_err(Self::storage_error(side))?;
                    self.store_identity(side, &found)?;
                }
                (None, _) => {}
                (Some(guard), found) => {
                    let hold = root_hold(guard, side, found.as_ref());
                    match found {
                        Some(found) if self.state().approval()?.covers(&hold.items) => {
                            self.start_over(side, &found)?;
                        }
                        _ => holds.push(hold),
                    }
                }
            }
        }
        Ok(holds)
    }

    /// What holds a pair whose root went away while it was at work.
    pub(crate) async fn root_gone(&self, side: Side) -> Result<Option<Hold>> {
        let expected = self.stored_identity(side)?;
        let (wrong, found) = self.ask_root(side, expected.as_ref()).await?;
        let wrong = wrong.filter(|_| !removed!("completeness"));
        Ok(wrong.map(|guard| root_hold(guard, side, found.as_ref())))
    }

    /// What is wrong with the folder that a root leads to now, and which it is.
    async fn ask_root(
        &self,
        side: Side,
        expected: Option<&RootIdentity>,
    ) -> Result<(Option<Guard>, Option<RootIdentity>)> {
        let found = match self.root(side).identity(expected.is_none()).await {
            Ok(found) => Some(found),
            Err(error) if error.cause == Cause::NotFound && expected.is_some() => None,
            Err(error) => return Err(EngineError::Storage { side, error }),
        };
        let wrong = root_guard(expected, found.as_ref());
        let wrong = wrong.filter(|_| !mutant!("P10 another root is taken for this one"));
        Ok((wrong, found))
    }

    /// Another root was approved: both sides are merged as if they had never met, never with deletes.
    fn start_over(&self, side: Side, found: &RootIdentity) -> Result<()> {
        let identity = text(found)?;
        self.state().transaction(|state| {
            state.forget_everything(side)?;
            state.set_meta(&format!("identity {side}"), &identity)
        })
    }

    /// A root that shows nothing while the base knows items, and cannot prove that it is the right one.
    pub(crate) fn guard_empty(&self, empty: &PerSide<bool>) -> Result<Vec<Hold>> {
        let mut holds = Vec::new();
        for side in Side::BOTH {
            if !empty[side] || mutant!("P10 an empty root is believed") {
                continue;
            }
            let items = self.state().base_count()?;
            let known = self.stored_identity(side)?;
            let weak = known.as_ref().is_none_or(|i| i.identity == Identity::Weak);
            if !weak || items == 0 {
                continue;
            }
            let evidence = Evidence::from([("side".to_owned(), Fact::Text(side.to_string()))]);
            let held = up_to(&format!("empty {side}"), items);
            if !self.state().approval()?.covers(&held) {
                holds.push(Hold::new(Guard::RootEmpty, held, evidence));
            }
        }
        Ok(holds)
    }

    /// What holds the whole pair, given all that is planned.
    pub(crate) async fn guard_pair(&self, census: &Census) -> Result<Guarded> {
        let settings = self.guard_settings()?;
        let approval = self.state().approval()?;
        let mut guarded = Guarded::default();
        for hold in self.pair_guards(census, &settings).await? {
            if approval.covers(&hold.items) {
                guarded.passed.extend(&hold.items);
            } else {
                guarded.holds.push((hold, text(&census.listed)?));
            }
        }
        Ok(guarded)
    }
}

pub(crate) fn root_hold(guard: Guard, side: Side, found: Option<&RootIdentity>) -> Hold {
    let mut evidence = Evidence::new();
    evidence.insert("side".into(), Fact::Text(side.to_string()));
    let seen = format!("{guard} {side} {found:?}");
    Hold::new(guard, one(&seen), evidence)
}

fn one(what: &str) -> BTreeSet<u64> {
    BTreeSet::from([Digest::new().text(what).value()])
}

/// One digest for each doubling up to `amount`: an approval covers the same or less, and up to twice as much.
fn up_to(what: &str, amount: u64) -> BTreeSet<u64> {
    (0..=amount.max(1).ilog2())
        .map(|level| Digest::new().text(what).number(level.into()).value())
        .collect()
}

fn text<T: Serialize>(list: &T) -> Result<String> {
    serde_json::to_string(list).map_err(|e| EngineError::Refused(e.to_string()))
}
