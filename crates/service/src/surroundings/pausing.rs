//! What stands against carrying anything, as a person wants it.

use serde::{Deserialize, Serialize};

use super::Surroundings;
use crate::state::WaitsFor;

/// When pairs wait.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PauseSettings {
    /// On a metered connection those that carry anything over the network.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub on_metered: bool,
    /// All, on a battery that is charged to less, in percent; at 100 on any battery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_battery_below: Option<u8>,
}

/// Something that stands against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hindrance {
    /// The connection is metered.
    Metered,
    /// The battery is low.
    Battery,
}

impl PauseSettings {
    /// Whether there is anything to look for.
    #[must_use]
    pub fn is_any(&self) -> bool {
        *self != Self::default()
    }

    /// What stands against a pair that carries over the network, or does not.
    #[must_use]
    pub fn hindrances(&self, now: Surroundings, uses_network: bool) -> Vec<Hindrance> {
        let is_metered = self.on_metered && uses_network && now.is_metered;
        let most = self.on_battery_below.unwrap_or(0);
        let is_low = now
            .battery
            .is_some_and(|charge| most >= 100 || charge < most);
        let all = [
            (Hindrance::Metered, is_metered),
            (Hindrance::Battery, is_low),
        ];
        all.into_iter()
            .filter(|(_, stands)| *stands)
            .map(|(hindrance, _)| hindrance)
            .collect()
    }

    /// What a pair waits for that is hindered so.
    #[must_use]
    pub fn waits_for(&self, hindrance: Hindrance) -> WaitsFor {
        match hindrance {
            Hindrance::Metered => WaitsFor::OtherConnection,
            Hindrance::Battery => WaitsFor::Power(self.on_battery_below.unwrap_or(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_hindered_by_what_a_person_named_and_no_other_thing() {
        use Hindrance::{Battery, Metered};
        let low = Surroundings {
            is_metered: true,
            battery: Some(19),
        };
        let full = Surroundings {
            is_metered: false,
            battery: Some(100),
        };
        let mains = Surroundings::default();
        for (on_metered, below, now, uses_network, expected) in [
            (false, None, low, true, &[][..]),
            (true, None, low, true, &[Metered]),
            (true, None, low, false, &[]),
            (true, Some(20), low, true, &[Metered, Battery]),
            (true, Some(20), low, false, &[Battery]),
            (false, Some(19), low, true, &[]),
            (true, Some(50), full, true, &[]),
            (false, Some(100), full, false, &[Battery]),
            (true, Some(100), mains, true, &[]),
        ] {
            let settings = PauseSettings {
                on_metered,
                on_battery_below: below,
            };
            let found = settings.hindrances(now, uses_network);
            assert_eq!(found, expected, "{settings:?} {now:?}");
        }
        assert!(!PauseSettings::default().is_any());
    }
}
