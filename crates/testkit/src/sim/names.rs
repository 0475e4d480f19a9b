//! Which names a simulated storage takes, and which it takes for one and the same. Written apart from
//! `core::names` on purpose: a simulation that shared its code would share its mistakes.

use tandem_core::capabilities::{Capabilities, CaseRule, NameRules, UnicodeRule};
use tandem_core::path::{Name, RelPath};
use unicode_normalization::UnicodeNormalization;

/// When two names are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Folding {
    pub(super) case: CaseRule,
    pub(super) unicode: UnicodeRule,
}

impl Folding {
    pub(super) const fn of(capabilities: &Capabilities) -> Self {
        Self {
            case: capabilities.case,
            unicode: capabilities.unicode,
        }
    }

    /// Equal for names that are one.
    pub(super) fn key(self, name: &Name) -> Box<str> {
        let text = name.as_str();
        if text.is_ascii() {
            return match self.case {
                CaseRule::Sensitive => text.into(),
                CaseRule::Insensitive => text.to_ascii_lowercase().into(),
            };
        }
        let composed: String = match self.unicode {
            UnicodeRule::Exact => text.to_owned(),
            UnicodeRule::Folding => text.nfc().collect(),
        };
        match self.case {
            CaseRule::Sensitive => composed.into(),
            CaseRule::Insensitive => composed.to_lowercase().into(),
        }
    }
}

/// Why the storage refuses `path`; `None` if it takes it.
pub(super) fn refusal(rules: &NameRules, path: &RelPath) -> Option<&'static str> {
    let longest = rules.longest_path.map_or(usize::MAX, |n| n as usize);
    if path.as_str().len() > longest {
        return Some("the path is too long");
    }
    path.names().find_map(|name| refused_name(rules, &name))
}

fn refused_name(rules: &NameRules, name: &Name) -> Option<&'static str> {
    let text = name.as_str();
    let tests = [
        (
            text.chars().any(|c| rules.forbidden.contains(c)),
            "it contains a character that is not allowed",
        ),
        (
            rules.no_control && text.chars().any(|c| c < ' ' || c == '\u{7f}'),
            "it contains a control character",
        ),
        (
            rules.no_trailing_space && text.ends_with(' '),
            "it ends in a space",
        ),
        (
            rules.no_trailing_period && text.ends_with('.'),
            "it ends in a full stop",
        ),
        (
            rules.no_leading_space && text.starts_with(' '),
            "it begins with a space",
        ),
        (
            rules.no_leading_period && text.starts_with('.'),
            "it begins with a full stop",
        ),
        (
            rules.no_windows_devices && is_device(text),
            "it is the name of a device",
        ),
        (
            rules
                .longest_name
                .is_some_and(|longest| text.len() > longest as usize),
            "it is too long",
        ),
    ];
    tests
        .into_iter()
        .find_map(|(refused, why)| refused.then_some(why))
}

fn is_device(text: &str) -> bool {
    let stem = text.split('.').next().unwrap_or_default().trim_end();
    let upper = stem.to_ascii_uppercase();
    let numbered = |prefix: &str| {
        upper
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit())
    };
    ["CON", "PRN", "AUX", "NUL"].contains(&upper.as_str()) || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_by_the_rule_they_break() {
        let rules = NameRules {
            forbidden: ":".into(),
            no_control: true,
            no_trailing_space: true,
            no_trailing_period: true,
            no_leading_space: true,
            no_leading_period: true,
            no_windows_devices: true,
            longest_name: Some(10),
            longest_path: Some(20),
        };
        for (path, refused) in [
            ("a:b", true),
            ("a\tb", true),
            ("a ", true),
            ("a.", true),
            (" a", true),
            (".a", true),
            ("con.txt", true),
            ("lpt1", true),
            ("12345678901", true),
            ("123456789/123456789/1", true),
            ("console", false),
            ("a b.c", false),
            ("12345678/c", false),
        ] {
            let path = RelPath::new(path).unwrap();
            assert_eq!(refusal(&rules, &path).is_some(), refused, "{path:?}");
            assert_eq!(refusal(&NameRules::default(), &path), None);
        }
    }

    #[test]
    fn names_are_one_only_under_the_rule_that_says_so() {
        let pairs = [("a", "A"), ("\u{e9}", "e\u{301}"), ("\u{c9}", "e\u{301}")];
        for (case, unicode, one) in [
            (
                CaseRule::Sensitive,
                UnicodeRule::Exact,
                [false, false, false],
            ),
            (
                CaseRule::Insensitive,
                UnicodeRule::Exact,
                [true, false, false],
            ),
            (
                CaseRule::Sensitive,
                UnicodeRule::Folding,
                [false, true, false],
            ),
            (
                CaseRule::Insensitive,
                UnicodeRule::Folding,
                [true, true, true],
            ),
        ] {
            let key = |text: &str| Folding { case, unicode }.key(&Name::new(text).unwrap());
            assert_eq!(pairs.map(|(a, b)| key(a) == key(b)), one);
        }
    }
}
