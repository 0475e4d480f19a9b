//! What holds for a pair, said from what its two ends can do.

use tandem_core::capabilities::{AtomicWrite, Capabilities, CaseRule, Ids};
use tandem_core::policy::{Compare, Policy};

/// A sentence about a pair, and whether it is one to rely on or a limit to know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guarantee {
    /// Whether it is one to rely on.
    pub holds: bool,
    /// The sentence.
    pub message: String,
}

/// What holds for a pair with this policy, of each end named and by what it can do.
#[must_use]
pub fn guarantees(policy: &Policy, ends: [(&str, &Capabilities); 2]) -> Vec<Guarantee> {
    let mut all = vec![
        holds(
            "A missing folder, an unplugged disk or an incomplete listing never counts as a delete.",
        ),
        holds("What is replaced or deleted is kept as an older version first."),
        holds("Many deletes at once wait for your decision."),
    ];
    if policy.mode.is_backup() {
        all.push(holds("Nothing is ever deleted on either side."));
    }
    for (name, can) in ends {
        all.extend(of_end(name, can));
    }
    all.extend(of_comparison(policy.compare));
    // What holds first, then the limits; each in its order.
    all.sort_by_key(|guarantee| !guarantee.holds);
    all
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
        let policy = Policy {
            mode: Mode::SourceBackup,
            compare: Compare::SizeOnly,
            ..Policy::default()
        };
        let all = guarantees(&policy, [("Docs", &rich), ("attic", &poor)]);
        assert!(all.is_sorted_by_key(|guarantee| !guarantee.holds));
        let said = |holds: bool, part: &str| {
            all.iter()
                .any(|g| g.holds == holds && g.message.contains(part))
        };
        assert!(said(true, "Docs refuses a write"));
        assert!(said(false, "attic cannot refuse a write"));
        assert!(said(true, "ever deleted"));
        assert!(said(false, "keeps the size"));
    }
}
