//! What waits for a person, and what their decision does (DESIGN 5.4).

use std::collections::BTreeSet;

use tandem_core::guard::{Hold, HoldKind};
use tandem_core::path::RelPath;
use tandem_core::plan::{Action, Deed, Reason};
use tandem_core::policy::{Mode, Policy};
use tandem_core::side::Side;
use tandem_core::time::Timestamp;

use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::guarding::{HeldAction, held_deletes};
use crate::report::{HeldView, PlannedAction, Rejection, Summary};
use crate::state::REJECTED;
use crate::views::{MOST_LISTED, held_view};

/// A rejected restore takes so many rounds at most: folders and their contents are one.
const MOST_ROUNDS: u32 = 8;

/// The actions that a hold lists, `most` of its deletes.
pub(crate) fn listed(hold: &Hold, actions: &str, most: usize) -> Result<Vec<PlannedAction>> {
    Ok(match hold.kind {
        HoldKind::Deletes(_) => held_deletes(actions)?
            .iter()
            .take(most)
            .map(HeldAction::planned)
            .collect(),
        HoldKind::Pair(_) => {
            serde_json::from_str(actions).map_err(|e| EngineError::DamagedState(e.to_string()))?
        }
    })
}

impl Engine {
    /// What waits for a person's decision.
    ///
    /// # Errors
    /// A state that cannot be read.
    pub fn held(&self) -> Result<Vec<HeldView>> {
        let holds = self.state().holds()?;
        holds
            .iter()
            .map(|(hold, actions, since)| {
                let listed = listed(hold, actions, MOST_LISTED)?;
                Ok(held_view(hold, listed, *since))
            })
            .collect()
    }

    /// What waits for a decision under this id, with each delete that it holds.
    ///
    /// # Errors
    /// No such hold; a state that cannot be read.
    pub fn held_whole(&self, id: &str) -> Result<HeldView> {
        let (hold, actions, since) = self.hold(id)?;
        Ok(held_view(
            &hold,
            listed(&hold, &actions, usize::MAX)?,
            since,
        ))
    }

    /// Lets exactly what this hold shows pass with the next pass, or less; anything more is held anew. A look
    /// that is under way is waited for.
    ///
    /// # Errors
    /// No such hold; a state that cannot be written.
    pub async fn approve(&self, id: &str) -> Result<()> {
        let _between_looks = self.looking.lock().await;
        let (hold, ..) = self.hold(id)?;
        let now = self.now();
        self.state().transaction(|state| {
            state.approve(&hold.items, now)?;
            state.drop_hold(id)
        })
    }

    /// Does not let pass what is held.
    ///
    /// `Restore` brings the removed items back from the side that still has them, `Detach` leaves each side
    /// as it is and no longer carries them until either side changes them, `Pause` leaves the hold: the
    /// service pauses the pair. Only held deletes can be restored or detached.
    ///
    /// # Errors
    /// No such hold; one that holds the whole pair; a state that cannot be written; where the mode makes
    /// the restoring this call's own work, what a storage answered.
    pub async fn reject(&self, id: &str, how: Rejection) -> Result<()> {
        let (hold, ..) = self.hold(id)?;
        if how == Rejection::Pause {
            return Ok(());
        }
        if matches!(hold.kind, HoldKind::Pair(_)) {
            let guard = hold.kind.guard();
            return Err(EngineError::Refused(format!(
                "{guard} holds the whole pair: approve it, or reject it by pausing the pair"
            )));
        }
        // A pass that was under way may have decided otherwise.
        let _one = self.passing.lock().await;
        let (_, actions, _) = self.hold(id)?;
        let deletes = held_deletes(&actions)?;
        match how {
            Rejection::Detach => self.detach_rejected(&deletes)?,
            _ => self.restore_rejected(&deletes).await?,
        }
        self.state().drop_hold(id)
    }

    fn hold(&self, id: &str) -> Result<(Hold, String, Timestamp)> {
        let found = self
            .state()
            .holds()?
            .into_iter()
            .find(|(hold, ..)| hold.id.to_string() == id);
        found.ok_or_else(|| EngineError::NotFound {
            what: "hold",
            id: id.to_owned(),
        })
    }

    /// Both sides stay as they are: what still has the item keeps it, and nothing is carried.
    fn detach_rejected(&self, deletes: &[HeldAction]) -> Result<()> {
        self.state().transaction(|state| {
            for held in deletes {
                if let Some(item) = state.base_item(held.parent, &held.name)? {
                    for one in state.release(&item)? {
                        state.detach(
                            one.side,
                            &one.path,
                            REJECTED,
                            self.while_it_is(one.side, &one.entry),
                        )?;
                    }
                }
                // What the base never had, as on the first pass of a mirror, or what an earlier folder of the
                // list has released.
                if let Some(now) = state.shown_at(held.side, &held.path)? {
                    state.detach(
                        held.side,
                        &held.path,
                        REJECTED,
                        self.while_it_is(held.side, &now),
                    )?;
                }
            }
            Ok(())
        })
    }

    /// The items leave the base: the next plan finds them on one side only and sends them to the other. Where the
    /// side that lost them leads, a plan would take them for the follower's own: they stay detached until they are
    /// sent, which is done at once.
    async fn restore_rejected(&self, deletes: &[HeldAction]) -> Result<()> {
        if self.setup.options.policy.mode.leader().is_some() {
            self.detach_rejected(deletes)?;
            return self.send_back(deletes).await;
        }
        self.state().transaction(|state| {
            for held in deletes {
                if let Some(item) = state.base_item(held.parent, &held.name)? {
                    state.release(&item)?;
                }
            }
            Ok(())
        })
    }

    /// Whether an action sends something from a held place to the other side.
    fn sends_back(&self, action: &Action, held: &BTreeSet<(Side, RelPath)>) -> Result<bool> {
        let side = action.side.other();
        let sends = matches!(
            action.deed,
            Deed::CreateFolder { .. } | Deed::Transfer { replaces: None, .. } | Deed::Adopt { .. }
        );
        let Some((parent, name)) = action.standing.places[side].as_ref().filter(|_| sends) else {
            return Ok(false);
        };
        let folder = self.path_of(side, *parent)?;
        Ok(folder.is_some_and(|folder| held.contains(&(side, folder.join(name)))))
    }

    async fn send_back(&self, deletes: &[HeldAction]) -> Result<()> {
        self.require_roots().await?;
        let both_ways = Policy {
            mode: Mode::TwoWay,
            ..self.policy()?
        };
        let held: BTreeSet<(Side, RelPath)> =
            deletes.iter().map(|d| (d.side, d.path.clone())).collect();
        let run = self.state().next_run()?;
        for _ in 0..MOST_ROUNDS {
            let (mut plan, loaded) = self.plan_with(&both_ways, &held).await?;
            for mut action in std::mem::take(&mut plan.actions) {
                if self.sends_back(&action, &held)? {
                    action.reason = Reason::Chosen;
                    plan.actions.push(action);
                }
            }
            if plan.actions.is_empty() {
                return Ok(());
            }
            let mut summary = Summary::default();
            let done = self.execute(plan, loaded, run, &mut summary).await?;
            if let Some(stopped) = done.stopped {
                return Err(stopped);
            }
            if !done.failed.is_empty() {
                let count = done.failed.len();
                return Err(EngineError::Refused(format!(
                    "{count} of the items could not be brought back"
                )));
            }
            self.look(&done.doubts).await?;
        }
        Err(EngineError::Refused(
            "some of the items keep changing and could not be brought back".to_owned(),
        ))
    }
}
