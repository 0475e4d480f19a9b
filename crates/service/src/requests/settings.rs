//! The settings of all pairs. They take effect at once, also on what is under way.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::answer::{Answer, ProfileSettings, ProfileView};
use crate::bandwidth::{BandwidthSettings, Limits, Timetable};
use crate::config::Settings;
use crate::fault::{Fault, Result};
use crate::service::Service;
use crate::size_text;
use crate::surroundings::{self, PauseSettings};

impl Service {
    pub(super) fn settings(&self) -> Answer {
        let now = self.0.bandwidth.now();
        Answer::Settings(Box::new(ProfileView {
            settings: written(&self.config().settings),
            sends_now: now.send,
            receives_now: now.receive,
            tells_surroundings: surroundings::ARE_TOLD,
        }))
    }

    pub(super) fn settings_change(&self, changes: &BTreeMap<String, Value>) -> Result<Answer> {
        self.change(|config| {
            let chosen = super::with_changes(&written(&config.settings), changes)?;
            config.settings.bandwidth = bandwidth(&chosen)?;
            config.settings.pause = pause(&chosen)?;
            Ok(())
        })?;
        Ok(self.settings())
    }
}

/// As a person writes them.
fn written(settings: &Settings) -> ProfileSettings {
    let Settings {
        bandwidth, pause, ..
    } = settings;
    let speed = |limit: Option<u64>| limit.map_or_else(String::new, size_text::exact);
    ProfileSettings {
        send: speed(bandwidth.send),
        receive: speed(bandwidth.receive),
        timetable: bandwidth.timetable.lines(),
        pause_on_metered: pause.on_metered,
        pause_on_battery_below: pause.on_battery_below,
    }
}

fn bandwidth(chosen: &ProfileSettings) -> Result<BandwidthSettings> {
    let lines = chosen.timetable.iter().map(String::as_str);
    Ok(BandwidthSettings {
        send: limit(&chosen.send)?,
        receive: limit(&chosen.receive)?,
        timetable: Timetable::parse(lines).map_err(|why| {
            Fault::Usage(
                format!("{why}."),
                "Write days if not all, a time and limits: “mon-fri 08:00 500kB:2MB” or “18:00 off”."
                    .to_owned(),
            )
        })?,
    })
}

fn pause(chosen: &ProfileSettings) -> Result<PauseSettings> {
    let below = chosen.pause_on_battery_below;
    if let Some(percent) = below.filter(|percent| !(1..=100).contains(percent)) {
        return Err(Fault::Usage(
            format!("A battery cannot be charged to less than {percent}%."),
            "Give a number from 1 to 100; at 100 pairs wait on any battery.".to_owned(),
        ));
    }
    Ok(PauseSettings {
        on_metered: chosen.pause_on_metered,
        on_battery_below: below,
    })
}

fn limit(text: &str) -> Result<Option<u64>> {
    Limits::parse_one(text).map_err(|why| {
        Fault::Usage(
            format!("“{text}” cannot be a limit: {why}."),
            "Give bytes a second, such as 500kB or 4MB, or nothing for no limit.".to_owned(),
        )
    })
}
