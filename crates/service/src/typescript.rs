//! How types of `core` and `engine` that stand in answers are written in TypeScript. They cannot say so themselves: neither
//! knows of a page. That the two writings agree is tested.

use serde::Serialize;
use ts_rs::TS;

/// [`tandem_core::side::Side`].
#[derive(Debug, Clone, Copy, Serialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The first end.
    Source,
    /// The second end.
    Destination,
}

/// [`tandem_core::side::PerSide`].
#[derive(Debug, Clone, Serialize, TS)]
pub struct PerSide<T> {
    /// The source's.
    pub source: T,
    /// The destination's.
    pub destination: T,
}

/// [`tandem_engine::report::ActionKind`].
#[derive(Debug, Clone, Copy, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// Makes a folder.
    CreateFolder,
    /// Carries a new file.
    Create,
    /// Carries new content of a file.
    Replace,
    /// Renames or moves.
    Move,
    /// Sets time or executable bit.
    SetMeta,
    /// Deletes.
    Delete,
    /// Notes that both sides are equal.
    Adopt,
    /// Notes that both sides deleted it.
    Forget,
    /// Puts a version back.
    Restore,
}

/// [`tandem_engine::report::Outcome`].
#[derive(Debug, Clone, Copy, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done and recorded.
    Done,
    /// Something had changed in between.
    LostRace,
    /// It did not work.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_engine::report;

    fn text(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    // The matches name every variant: a new one does not compile until it is written here.
    #[test]
    fn what_is_written_here_is_what_is_sent() {
        let side = |side| match side {
            tandem_core::side::Side::Source => Side::Source,
            tandem_core::side::Side::Destination => Side::Destination,
        };
        for real in tandem_core::side::Side::BOTH {
            assert_eq!(text(&real), text(&side(real)));
        }
        let kind = |kind| match kind {
            report::ActionKind::CreateFolder => ActionKind::CreateFolder,
            report::ActionKind::Create => ActionKind::Create,
            report::ActionKind::Replace => ActionKind::Replace,
            report::ActionKind::Move => ActionKind::Move,
            report::ActionKind::SetMeta => ActionKind::SetMeta,
            report::ActionKind::Delete => ActionKind::Delete,
            report::ActionKind::Adopt => ActionKind::Adopt,
            report::ActionKind::Forget => ActionKind::Forget,
            report::ActionKind::Restore => ActionKind::Restore,
        };
        for real in [
            report::ActionKind::CreateFolder,
            report::ActionKind::Create,
            report::ActionKind::Replace,
            report::ActionKind::Move,
            report::ActionKind::SetMeta,
            report::ActionKind::Delete,
            report::ActionKind::Adopt,
            report::ActionKind::Forget,
            report::ActionKind::Restore,
        ] {
            assert_eq!(text(&real), text(&kind(real)));
        }
        let outcome = |outcome| match outcome {
            report::Outcome::Done => Outcome::Done,
            report::Outcome::LostRace => Outcome::LostRace,
            report::Outcome::Failed => Outcome::Failed,
        };
        for real in [
            report::Outcome::Done,
            report::Outcome::LostRace,
            report::Outcome::Failed,
        ] {
            assert_eq!(text(&real), text(&outcome(real)));
        }
        let both = tandem_core::side::PerSide::new(1, 2);
        let written = PerSide {
            source: 1,
            destination: 2,
        };
        assert_eq!(text(&both), text(&written));
    }
}
