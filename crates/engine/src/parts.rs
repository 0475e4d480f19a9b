//! Plans for all that is in doubt: one for everything, or one for each part of a walk.

use tandem_core::plan::{self, Action, Input, Plan, Refused};
use tandem_core::side::{PerSide, Side};

use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::guarding::{Census, Guarded};
use crate::state::{Loaded, Part, Purpose, Walk};

/// Evidence is gathered so often for one plan.
const MOST_EVIDENCE: u32 = 8;

/// What is still to be planned.
pub(crate) enum Parts {
    /// Everything at once, if it was not yet.
    Whole { planned: bool },
    /// The rest of a walk.
    Walk(Walk),
}

/// A plan, and the trees it was derived from.
pub(crate) type Planned = (Plan, Loaded);

impl Engine {
    /// All that is in doubt, as it is to be planned.
    pub(crate) fn parts(&self, purpose: Purpose) -> Result<Parts> {
        let mode = self.setup.options.policy.mode;
        let follower = mode.leader().filter(|_| mode.is_mirror()).map(Side::other);
        let most = self.setup.options.limits.planned_together;
        let walk = self.state().walk(purpose, most, follower)?;
        Ok(walk.map_or(Parts::Whole { planned: false }, Parts::Walk))
    }

    /// The plan for the next part; `None` when all are planned.
    pub(crate) async fn next_plan(
        &self,
        parts: &mut Parts,
        refused: &Refused,
    ) -> Result<Option<Planned>> {
        match parts {
            Parts::Whole { planned: true } => Ok(None),
            Parts::Whole { planned } => {
                *planned = true;
                self.plan_part(None, refused).await.map(Some)
            }
            Parts::Walk(walk) => {
                let capabilities = PerSide::from_fn(|side| self.capabilities(side));
                let part = self.state().next_part(walk, capabilities)?;
                match part {
                    Some(part) => self.plan_part(Some(&part), refused).await.map(Some),
                    None => Ok(None),
                }
            }
        }
    }

    /// The plan for everything that is in doubt.
    pub(crate) async fn plan(&self, refused: &Refused) -> Result<Planned> {
        self.plan_part(None, refused).await
    }

    /// The plan for a part, or for everything, with all evidence it asked for.
    async fn plan_part(&self, part: Option<&Part>, refused: &Refused) -> Result<Planned> {
        let policy = self.policy()?;
        for _ in 0..MOST_EVIDENCE {
            let capabilities = PerSide::from_fn(|side| self.capabilities(side));
            let loaded = match part {
                Some(part) => self.state().load_part(part, capabilities)?,
                None => self.state().load(capabilities, &self.is_out())?,
            };
            let mut plan = plan::plan(&Input {
                trees: &loaded.trees,
                capabilities,
                policy: &policy,
                device: self.setup.device.as_str(),
                refused,
            });
            if plan.evidence.is_empty() {
                let of_this_part = |a: &Action| !loaded.context.contains(&a.standing.item);
                plan.actions.retain(of_this_part);
                return Ok((plan, loaded));
            }
            self.gather(&plan).await?;
        }
        Err(EngineError::Refused(
            "the files that must be compared keep changing".to_owned(),
        ))
    }

    /// What the guards of the pair say to all that is in doubt, and what that comes to. `whole` is the plan, if there is
    /// one for everything.
    pub(crate) async fn guard_all(
        &self,
        whole: Option<&Plan>,
        refused: &Refused,
    ) -> Result<(Census, Guarded)> {
        if whole.is_none()
            && let Some(census) = self.mere_creations()?
        {
            let guarded = self.guard_pair(&census).await?;
            if guarded.holds.is_empty() && guarded.passed.is_empty() {
                return Ok((census, guarded));
            }
            // A person is shown what was planned, not what was counted without a plan.
        }
        let census = match whole {
            Some(plan) => {
                let mut census = Census::default();
                self.count_in(plan, &mut census)?;
                census
            }
            None => self.count(refused).await?,
        };
        let guarded = self.guard_pair(&census).await?;
        Ok((census, guarded))
    }

    /// What planning would come to where one side gets all that the other has: there every entry is one action, as long
    /// as both sides can hold the same.
    fn mere_creations(&self) -> Result<Option<Census>> {
        let Some(creations) = self.state().mere_creations()? else {
            return Ok(None);
        };
        let (from, to) = (creations.side, creations.side.other());
        let mode = self.setup.options.policy.mode;
        let (has, gets) = (self.capabilities(from), self.capabilities(to));
        let alike = !has.twins
            && has.names == gets.names
            && (has.case, has.unicode) == (gets.case, gets.unicode)
            && gets
                .largest_file
                .is_none_or(|most| creations.largest <= most);
        if !alike || mode.leader().is_some_and(|leader| leader != from) {
            return Ok(None);
        }
        let mut census = Census::default();
        census.actions = creations.entries;
        census.bytes[to] = creations.bytes;
        Ok(Some(census))
    }

    /// What all parts of a walk come to, counted before the first is carried out.
    async fn count(&self, refused: &Refused) -> Result<Census> {
        let mut parts = self.parts(Purpose::Count)?;
        let mut census = Census::default();
        while let Some((plan, _)) = self.next_plan(&mut parts, refused).await? {
            self.count_in(&plan, &mut census)?;
        }
        Ok(census)
    }
}
