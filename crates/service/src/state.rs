//! The state of a pair: one word for each, the same in JSON, tray, window and exit code (DESIGN 7).

use tandem_core::error::Cause;
use tandem_core::time::Timestamp;

use crate::fault::Fault;
use crate::time_text;

/// What a pair waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// The network, or the server behind it.
    Network,
    /// The keyring to be there and unlocked.
    Keyring,
    /// The server, which asked to slow down.
    RateLimit,
    /// The first look at its two folders.
    FirstSync,
    /// A pass: the last one was cut off.
    Sync,
    /// A person to start it: it was made to be looked at first.
    Start,
    /// A connection that is not metered.
    OtherConnection,
    /// Mains, or a battery that is charged to so many percent; 100 is mains alone.
    Power(u8),
}

/// How a pair is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PairState {
    /// Both sides are in step.
    InStep,
    /// The folders are looked at.
    Looking,
    /// Changes are carried; so many percent.
    Syncing(u8),
    /// Something must come first, and it goes on by itself.
    Waiting(WaitsFor),
    /// A person paused it; until when, if not until resumed.
    Paused(Option<Timestamp>),
    /// One of its storages is switched off.
    StorageDisabled(String),
    /// A guard asks for a decision.
    Held,
    /// A storage asks for a new sign-in.
    SignIn,
    /// In step but for so many.
    Problems(u64),
    /// It cannot go on.
    Stopped,
}

impl PairState {
    /// What the fault that ended a pair's work makes of its state.
    #[must_use]
    pub fn of_fault(fault: &Fault) -> Self {
        match fault {
            Fault::Secret(error) if error.may_pass() => Self::Waiting(WaitsFor::Keyring),
            Fault::Secret(_) => Self::SignIn,
            Fault::StorageDisabled(name) => Self::StorageDisabled(name.clone()),
            Fault::Storage(_, error) => Self::of_cause(error.cause),
            _ => Self::Stopped,
        }
    }

    /// What the cause that stopped a pass makes of the state.
    #[must_use]
    pub const fn of_cause(cause: Cause) -> Self {
        match cause {
            Cause::AuthExpired | Cause::AuthDenied => Self::SignIn,
            Cause::Offline | Cause::Timeout => Self::Waiting(WaitsFor::Network),
            Cause::RateLimited => Self::Waiting(WaitsFor::RateLimit),
            _ => Self::Stopped,
        }
    }

    /// The word in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InStep => "in_step",
            Self::Looking => "looking",
            Self::Syncing(_) => "syncing",
            Self::Waiting(_) => "waiting",
            Self::Paused(_) | Self::StorageDisabled(_) => "paused",
            Self::Held => "held",
            Self::SignIn => "sign_in",
            Self::Problems(_) => "problems",
            Self::Stopped => "stopped",
        }
    }

    /// What a person sees.
    #[must_use]
    pub fn shown(&self, now: Timestamp) -> String {
        match self {
            Self::InStep => "In step".to_owned(),
            Self::Looking => "Looking at your folders".to_owned(),
            Self::Syncing(percent) => format!("Syncing, {percent}%"),
            Self::Waiting(WaitsFor::Network) => "Waits for the network".to_owned(),
            Self::Waiting(WaitsFor::Keyring) => "Waits for the keyring".to_owned(),
            Self::Waiting(WaitsFor::RateLimit) => "Waits for the server".to_owned(),
            Self::Waiting(WaitsFor::FirstSync) => "Waits for its first sync".to_owned(),
            Self::Waiting(WaitsFor::Sync) => "Waits for its next sync".to_owned(),
            Self::Waiting(WaitsFor::Start) => "Waits to be started".to_owned(),
            Self::Waiting(WaitsFor::OtherConnection) => "Paused: metered connection".to_owned(),
            Self::Waiting(WaitsFor::Power(100..)) => "Paused: on battery".to_owned(),
            Self::Waiting(WaitsFor::Power(least)) => format!("Paused: battery below {least}%"),
            Self::Paused(Some(until)) => format!("Paused until {}", time_text::spoken(*until, now)),
            Self::Paused(None) => "Paused".to_owned(),
            Self::StorageDisabled(name) => format!("Paused: {name} is disabled"),
            Self::Held | Self::SignIn => "Needs you".to_owned(),
            Self::Problems(left_out) => format!("In step, {left_out} left out"),
            Self::Stopped => "Stopped".to_owned(),
        }
    }

    /// What `sync` exits with.
    #[must_use]
    pub const fn exit(&self) -> u8 {
        match self {
            Self::InStep
            | Self::Looking
            | Self::Syncing(_)
            | Self::Paused(_)
            | Self::StorageDisabled(_) => 0,
            Self::Problems(_) => 1,
            Self::Held => 3,
            Self::Waiting(_) | Self::SignIn | Self::Stopped => 4,
        }
    }
}

/// The exit code for several pairs: 4 over 3 over 1 over 0.
#[must_use]
pub fn exit_of(exits: impl IntoIterator<Item = u8>) -> u8 {
    exits.into_iter().max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_the_words_and_exits_of_the_contract() {
        let now = Timestamp::from_secs(1_795_176_000);
        for (state, name, shown, exit) in [
            (PairState::InStep, "in_step", "In step", 0),
            (PairState::Looking, "looking", "Looking at your folders", 0),
            (PairState::Syncing(33), "syncing", "Syncing, 33%", 0),
            (
                PairState::Waiting(WaitsFor::Network),
                "waiting",
                "Waits for the network",
                4,
            ),
            (
                PairState::Waiting(WaitsFor::Keyring),
                "waiting",
                "Waits for the keyring",
                4,
            ),
            (
                PairState::Waiting(WaitsFor::OtherConnection),
                "waiting",
                "Paused: metered connection",
                4,
            ),
            (
                PairState::Waiting(WaitsFor::Power(20)),
                "waiting",
                "Paused: battery below 20%",
                4,
            ),
            (
                PairState::Waiting(WaitsFor::Power(100)),
                "waiting",
                "Paused: on battery",
                4,
            ),
            (PairState::Paused(None), "paused", "Paused", 0),
            (PairState::Held, "held", "Needs you", 3),
            (PairState::SignIn, "sign_in", "Needs you", 4),
            (PairState::Problems(2), "problems", "In step, 2 left out", 1),
            (PairState::Stopped, "stopped", "Stopped", 4),
        ] {
            assert_eq!(
                (state.name(), state.shown(now).as_str(), state.exit()),
                (name, shown, exit)
            );
        }
        assert_eq!(exit_of([0, 3, 1]), 3);
        assert_eq!(exit_of([1, 4, 3]), 4);
        assert_eq!(exit_of([]), 0);
    }

    #[test]
    fn a_locked_keyring_waits_and_a_wrong_key_asks_for_a_sign_in() {
        use crate::credentials::SecretError;
        let locked = PairState::of_fault(&Fault::Secret(SecretError::Locked));
        assert_eq!(locked, PairState::Waiting(WaitsFor::Keyring));
        assert_eq!(PairState::of_cause(Cause::AuthDenied), PairState::SignIn);
        assert_eq!(PairState::of_cause(Cause::Quota), PairState::Stopped);
    }
}
