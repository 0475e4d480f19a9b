//! `tandem config ...`

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Write it into a file, or print it
    Export {
        /// A new file
        file: Option<PathBuf>,
    },
    /// Add the storages and pairs of a file, and settings that nobody chose here
    Import {
        /// What was exported
        file: PathBuf,
    },
    /// The settings of all pairs together
    Show,
    /// Change settings of all pairs together; they take effect at once
    Set(SettingsFlags),
}

/// Settings, each left as it is if it is not given.
#[derive(Debug, Default, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct SettingsFlags {
    /// Bytes a second sent over the network by all pairs together (such as 2MB); off is unlimited
    #[arg(long, value_name = "RATE")]
    send: Option<String>,
    /// Bytes a second received; off is unlimited
    #[arg(long, value_name = "RATE")]
    receive: Option<String>,
    /// From when on which limits hold instead, sent:received: "mon-fri 08:00 500kB:2MB", "18:00 off"
    #[arg(long, value_name = "LINE")]
    timetable: Vec<String>,
    /// The same limits at all times again
    #[arg(long, conflicts_with = "timetable")]
    no_timetable: bool,
    /// Whether pairs that carry anything over the network wait while the connection is metered (Linux)
    #[arg(long, value_name = "true|false")]
    pause_on_metered: Option<bool>,
    /// Wait while a battery is charged to less percent; at 100 on any battery, at 0 never (Linux)
    #[arg(long, value_name = "N")]
    pause_on_battery_below: Option<u8>,
    /// This computer's name in conflict copies; "" is the name that the system has for it
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// For how many days new pairs keep older versions; 0 is not at all
    #[arg(long, value_name = "N")]
    version_days: Option<u32>,
    /// New pairs leave out what matches, in gitignore syntax
    #[arg(long, value_name = "PATTERN")]
    ignore: Vec<String>,
    /// New pairs leave out nothing by a pattern any more
    #[arg(long, conflicts_with = "ignore")]
    no_ignore: bool,
}

impl SettingsFlags {
    /// What was given, by JSON pointers into the settings.
    pub(crate) fn changes(&self) -> BTreeMap<String, Value> {
        let list = |list: &Vec<String>, none: bool| (none || !list.is_empty()).then(|| json!(list));
        let or_none = |number: u64| {
            if number == 0 {
                Value::Null
            } else {
                json!(number)
            }
        };
        let battery = self.pause_on_battery_below.map(u64::from);
        let days = self.version_days.map(u64::from);
        let named = [
            ("/send", self.send.as_ref().map(|v| json!(v))),
            ("/receive", self.receive.as_ref().map(|v| json!(v))),
            ("/timetable", list(&self.timetable, self.no_timetable)),
            ("/pause_on_metered", self.pause_on_metered.map(|v| json!(v))),
            ("/pause_on_battery_below", battery.map(or_none)),
            ("/device", self.device.as_ref().map(|v| json!(v))),
            ("/version_days", days.map(or_none)),
            ("/patterns", list(&self.ignore, self.no_ignore)),
        ];
        named
            .into_iter()
            .filter_map(|(at, value)| Some((at.to_owned(), value?)))
            .collect()
    }
}
