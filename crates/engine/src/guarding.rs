//! Stops actions that need a person's decision (DESIGN 4, step 4).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tandem_core::guard::{
    self, Digest, Evidence, Fact, Guard, GuardSettings, Hold, item_digest, root_guard,
};
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::{Action, Deed, ItemId, Plan, Reason};
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::{Identity, RootIdentity};

use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::report::PlannedAction;
use crate::views::{MOST_LISTED, planned};

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

/// The digest under which an action is held and approved.
pub(crate) fn digest(action: &Action) -> Option<u64> {
    let what = match action.side {
        Side::Source => "delete on source",
        Side::Destination => "delete on destination",
    };
    Some(item_digest(action.path()?, what, &action.expected()))
}

impl Engine {
    pub(crate) fn guard_settings(&self) -> Result<GuardSettings> {
        let weak = Side::BOTH.into_iter().any(|side| {
            matches!(
                self.stored_identity(side),
                Ok(Some(RootIdentity {
                    identity: Identity::Weak,
                    ..
                }))
            )
        });
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
        let text =
            serde_json::to_string(identity).map_err(|e| EngineError::Refused(e.to_string()))?;
        self.state().set_meta(&format!("identity {side}"), &text)
    }

    /// Whether both roots are the folders this pair was made with. What is wrong is held.
    pub(crate) async fn guard_roots(&self) -> Result<Vec<Hold>> {
        let mut holds = Vec::new();
        for side in Side::BOTH {
            let expected = self.stored_identity(side)?;
            let found = match self.root(side).identity(expected.is_none()).await {
                Ok(found) => Some(found),
                Err(error)
                    if error.cause == tandem_core::error::Cause::NotFound && expected.is_some() =>
                {
                    None
                }
                Err(error) => return Err(EngineError::Storage { side, error }),
            };
            match (
                root_guard(expected.as_ref(), found.as_ref(), false, 0),
                found,
            ) {
                (None, Some(found)) if expected.is_none() => {
                    // A marker that a power loss takes back must not be remembered.
                    self.root(side)
                        .settle()
                        .await
                        .map_err(Self::storage_error(side))?;
                    self.store_identity(side, &found)?;
                }
                (None, _) => {}
                (Some(Guard::RootMissing), _) => {
                    holds.push(root_hold(Guard::RootMissing, side, None))
                }
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

    /// Another root was approved: both sides are merged as if they had never met, never with deletes.
    fn start_over(&self, side: Side, found: &RootIdentity) -> Result<()> {
        self.state()
            .transaction(|state| state.forget_everything())?;
        self.store_identity(side, found)
    }

    /// A root that shows nothing while the base knows items, and cannot prove that it is the right one.
    pub(crate) fn guard_empty(&self, entries: PerSide<u64>) -> Result<Vec<Hold>> {
        let items = self.state().base_count()?;
        let mut holds = Vec::new();
        for side in Side::BOTH {
            let known = self.stored_identity(side)?;
            let weak = known.as_ref().is_none_or(|i| i.identity == Identity::Weak);
            if weak && entries[side] == 0 && items > 0 {
                let hold = root_hold(Guard::RootEmpty, side, None);
                if !self.state().approval()?.covers(&hold.items) {
                    holds.push(hold);
                }
            }
        }
        Ok(holds)
    }

    /// Takes out of the plan what is held, and answers the holds, each with its list.
    pub(crate) async fn guard(&self, plan: &mut Plan, first: bool) -> Result<Vec<(Hold, String)>> {
        let settings = self.guard_settings()?;
        let approval = self.state().approval()?;
        let pair = self.pair_guards(plan, &settings).await?;
        let mut holds = Vec::new();
        for hold in pair {
            if !approval.covers(&hold.items) {
                let list: Vec<PlannedAction> = plan
                    .actions
                    .iter()
                    .filter(|a| a.touches())
                    .take(MOST_LISTED)
                    .map(planned)
                    .collect();
                holds.push((hold, text(&list)?));
            }
        }
        if !holds.is_empty() {
            plan.actions.clear();
            return Ok(holds);
        }
        let deletes: Vec<HeldAction> = plan
            .actions
            .iter()
            .filter(|a| matches!(a.deed, Deed::Delete { .. }))
            .filter_map(HeldAction::of)
            .collect();
        let Some(guard) = self.delete_guard(&deletes, &settings, first)? else {
            return Ok(holds);
        };
        let all: BTreeSet<u64> = deletes.iter().map(|d| d.digest).collect();
        let held = approval.remainder(&all);
        if held.is_empty() {
            return Ok(holds);
        }
        let mut evidence = Evidence::new();
        evidence.insert("deletes".into(), Fact::Number(held.len() as u64));
        evidence.insert(
            "base_items".into(),
            Fact::Number(self.state().base_count()?),
        );
        let list: Vec<&HeldAction> = deletes
            .iter()
            .filter(|d| held.contains(&d.digest))
            .collect();
        holds.push((Hold::new(guard, held.clone(), evidence), text(&list)?));
        plan.actions.retain(|a| {
            !matches!(a.deed, Deed::Delete { .. }) || digest(a).is_none_or(|d| !held.contains(&d))
        });
        Ok(holds)
    }

    fn delete_guard(
        &self,
        deletes: &[HeldAction],
        settings: &GuardSettings,
        first: bool,
    ) -> Result<Option<Guard>> {
        let own = deletes
            .iter()
            .filter(|d| matches!(d.reason, Reason::MirrorOf(_)))
            .count() as u64;
        if guard::first_mirror_deletes(first, own) {
            return Ok(Some(Guard::FirstMirrorDeletes));
        }
        let now = self.now();
        let (recent, items) = {
            let state = self.state();
            let since = state
                .meta("deletes_count_from")?
                .and_then(|t| t.parse().ok())
                .unwrap_or(i64::MIN);
            let since = now.plus(-HOUR).0.max(since);
            (
                state.deletes_since(tandem_core::time::Timestamp(since))?,
                state.base_count()?,
            )
        };
        let trips = guard::mass_delete(settings, deletes.len() as u64, recent, items);
        Ok(trips.then_some(Guard::MassDelete))
    }

    async fn pair_guards(&self, plan: &Plan, settings: &GuardSettings) -> Result<Vec<Hold>> {
        let mut holds = Vec::new();
        let items = self.state().base_count()?;
        for side in Side::BOTH {
            let edited: BTreeSet<u64> = plan
                .actions
                .iter()
                .filter(|a| {
                    a.reason == Reason::EditedOn(side) && matches!(a.deed, Deed::Transfer { .. })
                })
                .filter_map(digest)
                .collect();
            if guard::everything_changed(settings, edited.len() as u64, items) {
                let mut evidence = Evidence::new();
                evidence.insert("side".into(), Fact::Text(side.to_string()));
                evidence.insert("edited".into(), Fact::Number(edited.len() as u64));
                evidence.insert("base_items".into(), Fact::Number(items));
                holds.push(Hold::new(Guard::EverythingChanged, edited, evidence));
            }
            let incoming: u64 = plan
                .actions
                .iter()
                .filter(|a| a.side == side)
                .map(Action::bytes)
                .sum();
            let free = self.root(side).free_space().await.unwrap_or(None);
            if guard::free_space(settings, free, incoming) {
                let mut evidence = Evidence::new();
                evidence.insert("side".into(), Fact::Text(side.to_string()));
                evidence.insert("free".into(), Fact::Number(free.unwrap_or(0)));
                evidence.insert("needed".into(), Fact::Number(incoming));
                holds.push(Hold::new(
                    Guard::FreeSpace,
                    one(&format!("free space {side}")),
                    evidence,
                ));
            }
        }
        holds.extend(self.guard_versions(plan)?);
        let copies = plan
            .actions
            .iter()
            .filter(|a| matches!(a.deed, Deed::Duplicate { .. }))
            .count() as u64;
        let recent = self.state().copies_since(self.now().plus(-HOUR))?;
        if copies > 0 && guard::conflict_copies(settings, 0, copies + recent) {
            let mut evidence = Evidence::new();
            evidence.insert("copies".into(), Fact::Number(copies + recent));
            holds.push(Hold::new(
                Guard::ConflictCopies,
                one("conflict copies"),
                evidence,
            ));
        }
        Ok(holds)
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

fn text<T: Serialize>(list: &T) -> Result<String> {
    serde_json::to_string(list).map_err(|e| EngineError::Refused(e.to_string()))
}
