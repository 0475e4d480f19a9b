//! The settings of all pairs.

use tandem_service::answer::ProfileView;
use tandem_service::words::{count, size};

use crate::output::{table, visible};

pub(super) fn all(view: &ProfileView) {
    let chosen = &view.settings;
    let mut rows = Vec::new();
    let mut row = |key: &str, value: &str| rows.push(vec![key.to_owned(), visible(value)]);
    row("send", or_off(&chosen.send));
    row("receive", or_off(&chosen.receive));
    for line in &chosen.timetable {
        row("timetable", line);
    }
    if !chosen.timetable.is_empty() {
        let speed = |limit: Option<u64>| limit.map_or("off".to_owned(), size);
        row("sends now", &speed(view.sends_now));
        row("receives now", &speed(view.receives_now));
    }
    row("pause on metered", yes_or_no(chosen.pause_on_metered));
    let below = chosen.pause_on_battery_below;
    let below = below.map_or("off".to_owned(), |percent| format!("{percent}%"));
    row("pause on battery below", &below);
    row("device", &view.device_now);
    let days = chosen.version_days;
    let days = days.map_or("off".to_owned(), |days| count(days.into(), "day", "days"));
    row("new pairs keep versions", &days);
    for pattern in &chosen.patterns {
        row("new pairs ignore", pattern);
    }
    table(&rows);
}

const fn yes_or_no(is_on: bool) -> &'static str {
    if is_on { "yes" } else { "no" }
}

fn or_off(text: &str) -> &str {
    if text.is_empty() { "off" } else { text }
}
