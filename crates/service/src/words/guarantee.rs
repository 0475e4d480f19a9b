//! What holds on a storage and for a pair, said from what storages can do.

use tandem_core::capabilities::{
    AtomicWrite, Capabilities, CaseRule, Ids, ListingConsistency, NameRules, UnicodeRule,
};
use tandem_core::policy::Compare;
use tandem_engine::setup::PairOptions;

use super::{count, size};

/// A sentence about a storage or a pair, and whether it is one to rely on or a limit to know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guarantee {
    /// Whether it is one to rely on.
    pub holds: bool,
    /// The sentence.
    pub message: String,
}

/// What holds for a pair with these options, of each end named and by what it can do.
#[must_use]
pub fn guarantees(options: &PairOptions, ends: [(&str, &Capabilities); 2]) -> Vec<Guarantee> {
    let mut all = vec![
        holds(
            "A missing folder, an unplugged disk or an incomplete listing never counts as a delete.",
        ),
        holds("Many deletes at once wait for your decision."),
    ];
    all.extend(of_versions(options.versions.keep, ends));
    if options.policy.mode.is_backup() {
        all.push(holds("Nothing is ever deleted on either side."));
    }
    for (name, can) in ends {
        all.extend(of_end(name, can));
    }
    all.extend(of_comparison(options.policy.compare));
    in_order(all)
}

/// What holds on the storage `name` by what it can do, whatever pair uses it.
#[must_use]
pub fn storage_guarantees(name: &str, can: &Capabilities) -> Vec<Guarantee> {
    let mut all = of_end(name, can);
    all.push(if can.versions {
        holds(format!(
            "What is replaced or deleted on {name} is kept there as an older version first."
        ))
    } else {
        no_versions(name)
    });
    in_order(all)
}

/// What holds first, then the limits; each in its order.
fn in_order(mut all: Vec<Guarantee>) -> Vec<Guarantee> {
    all.sort_by_key(|guarantee| !guarantee.holds);
    all
}

fn of_versions(are_wanted: bool, ends: [(&str, &Capabilities); 2]) -> Vec<Guarantee> {
    if !are_wanted {
        return vec![limit(
            "No older versions are kept, as you chose. Only what Tandem has not seen before is kept in any case.",
        )];
    }
    let lacking: Vec<_> = ends
        .iter()
        .filter(|(_, can)| !can.versions)
        .map(|(name, _)| no_versions(name))
        .collect();
    if lacking.is_empty() {
        return vec![holds(
            "What is replaced or deleted is kept as an older version first.",
        )];
    }
    lacking
}

fn no_versions(name: &str) -> Guarantee {
    limit(format!(
        "{name} keeps no older versions: what you replace or delete is replaced and deleted there for good. What Tandem \
         has not seen before is left alone."
    ))
}

fn of_end(name: &str, can: &Capabilities) -> Vec<Guarantee> {
    let mut all = Vec::new();
    if can.conditions.create && can.conditions.replace {
        all.push(holds(format!(
            "{name} refuses a write where something changed meanwhile, so nothing unseen is overwritten there."
        )));
    } else {
        all.push(limit(format!(
            "{name} cannot refuse a write where something changed at the same moment. Tandem looks right before and right after."
        )));
    }
    if can.atomic_write == AtomicWrite::No {
        all.push(limit(format!(
            "A cut transfer can be seen on {name} until it is sent again."
        )));
    }
    if can.listing == ListingConsistency::Eventual {
        all.push(limit(format!(
            "A listing of {name} may lag behind. What is missing from it is asked for once more before it counts as \
             deleted."
        )));
    }
    if can.ids == Ids::None && !can.folder_move {
        all.push(limit(format!(
            "A renamed folder is renamed file by file on {name}."
        )));
    }
    if !can.mtime {
        all.push(limit(format!(
            "{name} does not keep the time a file was last changed."
        )));
    }
    if !can.symlinks {
        all.push(limit(format!(
            "{name} holds no links. They are listed and left as they are."
        )));
    }
    if can.case == CaseRule::Insensitive {
        all.push(limit(format!(
            "{name} does not tell names apart that differ only in case."
        )));
    }
    if can.unicode == UnicodeRule::Folding {
        all.push(limit(format!(
            "{name} does not tell names apart that differ only in how accents are written."
        )));
    }
    all.extend(of_names(name, &can.names));
    if let Some(largest) = can.largest_file {
        all.push(limit(format!(
            "{name} takes files of at most {}.",
            size(largest)
        )));
    }
    all
}

fn of_names(name: &str, rules: &NameRules) -> Vec<Guarantee> {
    let mut all = Vec::new();
    let signs: Vec<_> = rules.forbidden.chars().map(String::from).collect();
    let kinds = [
        (!signs.is_empty()).then(|| format!("with {}", signs.join(" "))),
        rules
            .no_control
            .then(|| "with control characters".to_owned()),
        (rules.no_leading_space || rules.no_trailing_space)
            .then(|| "with a space at an end".to_owned()),
        rules
            .no_leading_period
            .then(|| "that begin with a full stop".to_owned()),
        rules
            .no_trailing_period
            .then(|| "that end in a full stop".to_owned()),
        rules
            .no_windows_devices
            .then(|| "that Windows keeps for devices".to_owned()),
    ];
    let kinds: Vec<_> = kinds.into_iter().flatten().collect();
    if !kinds.is_empty() {
        all.push(limit(format!(
            "Names {} are written with look-alike characters on {name}, and stay as they are elsewhere.",
            kinds.join(", ")
        )));
    }
    if let Some(longest) = rules.longest_name {
        let bytes = count(longest.into(), "byte", "bytes");
        all.push(limit(format!("{name} takes names of at most {bytes}.")));
    }
    all
}

fn of_comparison(compare: Compare) -> Option<Guarantee> {
    let unseen = match compare {
        Compare::HashThenMtime | Compare::HashOnly => return None,
        Compare::SizeOnly => "An edit that keeps the size of a file",
        Compare::MtimeOnly => "An edit that keeps the time of a file",
        Compare::SizeAndMtime => "An edit that keeps both size and time of a file",
    };
    Some(limit(format!(
        "{unseen} is not seen, because files are compared by that alone."
    )))
}

fn holds(message: impl Into<String>) -> Guarantee {
    Guarantee {
        holds: true,
        message: message.into(),
    }
}

fn limit(message: impl Into<String>) -> Guarantee {
    Guarantee {
        holds: false,
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use tandem_core::policy::Mode;

    use super::*;

    #[test]
    fn what_an_end_cannot_do_is_said_after_what_holds() {
        let poor = Capabilities::least();
        let mut rich = Capabilities::least();
        (rich.conditions.create, rich.conditions.replace) = (true, true);
        let mut options = PairOptions::default();
        options.policy.mode = Mode::SourceBackup;
        options.policy.compare = Compare::SizeOnly;
        let all = guarantees(&options, [("Docs", &rich), ("attic", &poor)]);
        assert!(all.is_sorted_by_key(|guarantee| !guarantee.holds));
        assert!(says(&all, true, "Docs refuses a write"));
        assert!(says(&all, false, "attic cannot refuse a write"));
        assert!(says(&all, true, "ever deleted"));
        assert!(says(&all, false, "keeps the size"));
    }

    fn says(all: &[Guarantee], holds: bool, part: &str) -> bool {
        all.iter()
            .any(|g| g.holds == holds && g.message.contains(part))
    }

    #[test]
    fn older_versions_are_promised_only_where_they_are_kept() {
        let poor = Capabilities::least();
        let mut rich = Capabilities::least();
        rich.versions = true;
        let mut options = PairOptions::default();
        let both = guarantees(&options, [("Docs", &rich), ("attic", &rich)]);
        assert!(says(&both, true, "kept as an older version"));
        let one = guarantees(&options, [("Docs", &rich), ("attic", &poor)]);
        assert!(!says(&one, true, "older version"));
        assert!(says(&one, false, "attic keeps no older versions"));
        options.versions.keep = false;
        let none = guarantees(&options, [("Docs", &rich), ("attic", &rich)]);
        assert!(!says(&none, true, "older version"));
        assert!(says(&none, false, "as you chose"));
    }

    #[test]
    fn what_a_storage_is_said_to_hold_is_what_it_can_do() {
        let mut can = Capabilities::least();
        can.versions = true;
        can.listing = ListingConsistency::Eventual;
        can.largest_file = Some(5_000_000_000);
        can.names = NameRules {
            forbidden: ":?".to_owned(),
            no_leading_period: true,
            longest_name: Some(255),
            ..NameRules::default()
        };
        let all = storage_guarantees("attic", &can);
        assert!(says(&all, true, "kept there as an older version"));
        for part in [
            "may lag behind",
            "at most 5",
            "Names with : ?, that begin with a full stop are written",
            "names of at most 255 bytes",
        ] {
            assert!(says(&all, false, part), "{part}: {all:?}");
        }
    }
}
