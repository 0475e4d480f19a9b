//! Why a path is not in step, what a conflict is about, what a check found.

use tandem_core::error::Cause;
use tandem_core::side::PerSide;
use tandem_engine::report::{Problem, Warning};

use super::{Words, called, grouped, size};
use crate::fault::StorageWords;

/// Why a path is left out.
#[must_use]
pub fn problem(problem: &Problem, ends: &PerSide<StorageWords>) -> Words {
    let end = &ends[problem.side];
    let name = called(end);
    let path = &problem.path;
    if let Some(cause) = Cause::ALL.iter().find(|c| c.name() == problem.why) {
        // The planner names the side that has it, and the other is the one that cannot take it; a storage that
        // answered so itself is the side named, and said something.
        let by_plan =
            matches!(cause, Cause::NameRefused | Cause::TooLarge) && problem.detail.is_empty();
        let end = if by_plan {
            &ends[problem.side.other()]
        } else {
            end
        };
        if *cause == Cause::Forbidden {
            return Words::new(
                format!("“{path}” on {name} cannot be written: no permission."),
                "Allow writing to it and to its folder; then it is carried.",
            );
        }
        return super::cause::words(end, *cause, Some(path), &problem.detail);
    }
    match problem.why.as_str() {
        "keeps_changing" => Words::new(
            format!("“{path}” keeps changing."),
            "It is sent once it rests.",
        ),
        "half_moved" => Words::new(
            format!(
                "The folder “{path}” on {name} was being moved to “{}” when that was cut off, and it could not be put \
                 back: a part of it is there.",
                problem.detail
            ),
            "Nothing of it is lost. Put the parts together by hand.",
        ),
        "filtered" => Words::new(
            format!("“{path}” is left out by a filter{}.", rule(&problem.detail)),
            "Change the filter to carry it.",
        ),
        "opaque" => Words::new(
            format!("“{path}” is no file that can be copied."),
            "It stays where it is.",
        ),
        "symlink" => Words::new(
            format!("“{path}” is a link, which the other side cannot hold."),
            "It stays where it is.",
        ),
        "unreadable" => Words::new(
            format!("“{path}” on {name} cannot be read: no permission."),
            "It is left as it is; allow reading it to have it carried.",
        ),
        "mount_gone" => Words::new(
            format!(
                "What was mounted at “{path}” on {name} is gone, or something else is in its place."
            ),
            "Connect it again; nothing of it is deleted. To give it up, take it out of .tandem/mounts.json there.",
        ),
        "bad_rule" => Words::new(
            format!(
                "“{path}” on {name} has a rule that cannot be read: {}.",
                problem.detail
            ),
            "Correct it. Until then the rules from before count, or, of a new file, its other lines.",
        ),
        "rules_too_large" => Words::new(
            format!("“{path}” on {name} is larger than 1 MiB, and is not read."),
            "Make it smaller. Until then the rules from before count.",
        ),
        "shadowed_by_folder" => Words::new(
            format!("“{path}” on {name} has the name of a folder beside it."),
            "It stays where it is; rename it to have it carried.",
        ),
        "bad_name" => Words::new(
            format!("“{path}” on {name} is no name that a file can have elsewhere."),
            "Rename it to have it carried.",
        ),
        "not_unicode" => Words::new(
            format!("The name of “{path}” is not in Unicode."),
            "Rename it to have it carried.",
        ),
        "collision" => Words::new(
            format!(
                "“{path}” would meet another name on the other side: names may differ only in case or form."
            ),
            "Rename one of them.",
        ),
        "in_the_way" => Words::new(
            format!(
                "“{path}” on {name} is not carried, or holds something that is not, and something else is to have its name."
            ),
            "Move it elsewhere or rename it.",
        ),
        "hard_link" => Words::new(
            format!("“{path}” has several names (hard links)."),
            "An update replaces it under this name only.",
        ),
        "changes_waiting" => Words::new(
            format!("“{path}” has changes that are not carried yet."),
            "They follow by themselves.",
        ),
        other => Words::new(
            format!("“{path}” on {name} is not in step ({other})."),
            "Look at “tandem explain” for more.",
        ),
    }
}

fn rule(detail: &str) -> String {
    if detail.is_empty() {
        String::new()
    } else {
        format!(" ({detail})")
    }
}

/// What both sides did.
#[must_use]
pub fn conflict(kind: &str) -> &'static str {
    match kind {
        "edit_edit" => "Both sides changed it.",
        "create_create" => "Both sides made it, with different content.",
        "edit_delete" => "Changed on one side, deleted on the other. The changed file is kept.",
        "move_move" => "Both sides moved it to different places. It stands in one of them.",
        "move_delete" => "One side moved it, the other deleted it. It is kept.",
        "moved_into_each_other" => {
            "Two folders were moved into each other, one on each side. Both stand where they were."
        }
        "file_against_folder" => {
            "A file and a folder were given the same name. Both are kept, one under another name."
        }
        "same_name" => "Two items were given the same name. Both are kept, one under another name.",
        "deleted_folder_in_use" => {
            "The folder was deleted on one side while something new came into it on the other. It is kept."
        }
        _ => "Both sides changed it in ways that do not fit together.",
    }
}

/// How a path is, in a sentence; `rule` is what decided.
#[must_use]
pub fn explanation(state: &str, rule: Option<&str>) -> &'static str {
    match state {
        "in_step" => "It is in step.",
        "planned" => "It has changed and will be carried with the next pass.",
        "held" => "It waits for your decision.",
        "filtered" => "A filter leaves it out.",
        "unknown" => "Neither side has it, and neither did when they were last in step.",
        "conflict" => "Both sides changed it.",
        "problem" => "It could not be carried.",
        "waiting" => "It changed a moment ago and is carried once it rests.",
        "detached" => detached(rule.unwrap_or_default()),
        _ => "Its state is not known.",
    }
}

/// Why it is known and not carried.
fn detached(why: &str) -> &'static str {
    match why {
        "filter" => "A filter left it out; it stays as it is on each side.",
        "undo" => {
            "What was done with it was undone; it stays as it is on each side until one of them changes it."
        }
        "rejected" => {
            "You rejected what was to be done with it; it stays as it is on each side until one of them changes it."
        }
        "no_access" => {
            "The account no longer has access to it on one side; it stays as it is on the other."
        }
        "unsynced_child" => {
            "It was deleted on the other side, and stays here for what lies in it and is not carried."
        }
        _ => "It is known and no longer carried; it stays as it is on each side.",
    }
}

/// What a check found wrong.
#[must_use]
pub fn finding(what: &str) -> &'static str {
    match what {
        "rotted" => {
            "Its content changed although nobody wrote it: the disk or the storage has damaged it."
        }
        "changed" => "It was edited and has not been carried yet.",
        "missing" => "It is not there.",
        "unreadable" => "It could not be read.",
        _ => "It is not as recorded.",
    }
}

/// What to look at before agreeing to a plan.
#[must_use]
pub fn warning(warning: &Warning, ends: &PerSide<StorageWords>) -> Words {
    match warning {
        Warning::OneSideMuchLarger { items } => Words::new(
            format!(
                "One side holds far more than the other: {} against {} items.",
                grouped(items.source),
                grouped(items.destination)
            ),
            "Check that these are the two folders you mean.",
        ),
        Warning::NotEnoughRoom { side, needed, free } => Words::new(
            format!(
                "There is no room on {} for {}: {} is free.",
                called(&ends[*side]),
                size(*needed),
                size(*free)
            ),
            "Free some, or carry fewer folders.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_detached_is_explained_with_its_reason() {
        let mut sentences = std::collections::BTreeSet::new();
        for why in [
            "filter",
            "undo",
            "rejected",
            "no_access",
            "unsynced_child",
            "?",
        ] {
            let sentence = explanation("detached", Some(why));
            assert!(sentence.contains("stays"), "{sentence}");
            sentences.insert(sentence);
        }
        assert_eq!(sentences.len(), 6);
        assert!(!sentences.contains(explanation("?", None)));
    }
}
