//! The settings of all pairs. They take effect at once, also on what is under way.

use std::collections::BTreeMap;

use serde_json::Value;
use tandem_core::filter::Filter;

use crate::answer::{Answer, ProfileSettings, ProfileView};
use crate::bandwidth::{BandwidthSettings, Limits, Timetable};
use crate::config::{NewPairs, Settings};
use crate::fault::{Fault, Result};
use crate::service::{Service, host_name};
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
            device_now: self.device().as_str().to_owned(),
            host: host_name(),
            has_secret_file: self.0.storages.secrets().has_file(),
        }))
    }

    pub(super) async fn settings_change(
        &self,
        changes: &BTreeMap<String, Value>,
    ) -> Result<Answer> {
        let _changing = self.0.changing.lock().await;
        let old = self.config();
        let chosen = super::with_changes(&written(&old.settings), changes)?;
        let settings = Settings {
            secret_store: old.settings.secret_store,
            device: device(&chosen)?,
            bandwidth: bandwidth(&chosen)?,
            pause: pause(&chosen, &old.settings.pause)?,
            new_pairs: new_pairs(&chosen, &old.settings.new_pairs)?,
        };
        // What is open goes by the name that it was opened with.
        let is_renamed = settings.device != old.settings.device;
        let renamed = if is_renamed { &*old.pairs } else { &[] };
        let _closed = self.close_pairs(renamed).await?;
        self.change(|config| {
            config.settings = settings;
            Ok(())
        })?;
        Ok(self.settings())
    }
}

/// As a person writes them.
fn written(settings: &Settings) -> ProfileSettings {
    let Settings {
        bandwidth,
        pause,
        new_pairs,
        ..
    } = settings;
    let versions = &new_pairs.versions;
    let speed = |limit: Option<u64>| limit.map_or_else(String::new, size_text::exact);
    ProfileSettings {
        send: speed(bandwidth.send),
        receive: speed(bandwidth.receive),
        timetable: bandwidth.timetable.lines(),
        pause_on_metered: pause.on_metered,
        pause_on_battery_below: pause.on_battery_below,
        device: settings.device.clone().unwrap_or_default(),
        version_days: versions.keep.then_some(versions.days),
        patterns: new_pairs.patterns.clone(),
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

fn device(chosen: &ProfileSettings) -> Result<Option<String>> {
    let name = chosen.device.trim();
    if !name.is_empty() && !name.contains(|c: char| c.is_ascii_alphanumeric()) {
        return Err(Fault::Usage(
            format!("“{name}” cannot stand in the name of a file on every storage."),
            "Give this computer a name with letters from a to z or digits.".to_owned(),
        ));
    }
    Ok(Some(name.to_owned()).filter(|name| !name.is_empty()))
}

fn new_pairs(chosen: &ProfileSettings, old: &NewPairs) -> Result<NewPairs> {
    let patterns = chosen.patterns.iter().filter(|p| !p.trim().is_empty());
    let mut new = NewPairs {
        patterns: patterns.cloned().collect(),
        ..old.clone()
    };
    new.versions.keep = chosen.version_days.is_some();
    if let Some(days) = chosen.version_days {
        new.versions.days = days;
    }
    let options = new.options();
    super::pairs::check_options(&options)?;
    Filter::new(options.filter, []).map_err(|error| {
        Fault::Usage(
            format!("A pattern cannot be read: {error}."),
            "Correct the pattern.".to_owned(),
        )
    })?;
    Ok(new)
}

fn pause(chosen: &ProfileSettings, old: &PauseSettings) -> Result<PauseSettings> {
    let below = chosen.pause_on_battery_below;
    if let Some(percent) = below.filter(|percent| !(1..=100).contains(percent)) {
        return Err(Fault::Usage(
            format!("A battery cannot be charged to less than {percent}%."),
            "Give a number from 1 to 100; at 100 pairs wait on any battery.".to_owned(),
        ));
    }
    let new = PauseSettings {
        on_metered: chosen.pause_on_metered,
        on_battery_below: below,
    };
    if !surroundings::ARE_TOLD && new != *old && new.is_any() {
        return Err(Fault::Usage(
            "This system does not tell Tandem of metered connections and batteries.".to_owned(),
            "Pause pairs by hand instead.".to_owned(),
        ));
    }
    Ok(new)
}

fn limit(text: &str) -> Result<Option<u64>> {
    Limits::parse_one(text).map_err(|why| {
        Fault::Usage(
            format!("“{text}” cannot be a limit: {why}."),
            "Give bytes a second, such as 500kB or 4MB, or nothing for no limit.".to_owned(),
        )
    })
}
