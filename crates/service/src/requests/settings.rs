//! The settings of all pairs. They take effect at once, also on what is under way.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::answer::{Answer, ProfileSettings, ProfileView};
use crate::bandwidth::{BandwidthSettings, Limits, Timetable};
use crate::config::Settings;
use crate::fault::{Fault, Result};
use crate::service::Service;
use crate::size_text;

impl Service {
    pub(super) fn settings(&self) -> Answer {
        let now = self.0.bandwidth.now();
        Answer::Settings(Box::new(ProfileView {
            settings: written(&self.config().settings),
            sends_now: now.send,
            receives_now: now.receive,
        }))
    }

    pub(super) fn settings_change(&self, changes: &BTreeMap<String, Value>) -> Result<Answer> {
        self.change(|config| {
            let chosen = super::with_changes(&written(&config.settings), changes)?;
            config.settings.bandwidth = bandwidth(&chosen)?;
            Ok(())
        })?;
        Ok(self.settings())
    }
}

/// As a person writes them.
fn written(settings: &Settings) -> ProfileSettings {
    let Settings { bandwidth, .. } = settings;
    let speed = |limit: Option<u64>| limit.map_or_else(String::new, size_text::exact);
    ProfileSettings {
        send: speed(bandwidth.send),
        receive: speed(bandwidth.receive),
        timetable: bandwidth.timetable.lines(),
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

fn limit(text: &str) -> Result<Option<u64>> {
    Limits::parse_one(text).map_err(|why| {
        Fault::Usage(
            format!("“{text}” cannot be a limit: {why}."),
            "Give bytes a second, such as 500kB or 4MB, or nothing for no limit.".to_owned(),
        )
    })
}
