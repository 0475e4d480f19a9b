//! Names that a storage does not take, by the rules that its capabilities declare.

use tandem_core::capabilities::NameRules;

/// Why a name cannot be held; `None` if it can.
pub(crate) fn refusal(rules: &NameRules, name: &str) -> Option<String> {
    let is_refused =
        |c: &char| (rules.no_control && c.is_ascii_control()) || rules.forbidden.contains(*c);
    if let Some(c) = name.chars().find(is_refused) {
        return Some(format!("this storage cannot hold the character {c:?}"));
    }
    let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
    if let Some(longest) = rules.longest_name.filter(|longest| length > *longest) {
        return Some(format!(
            "the name has {length} bytes, this storage holds {longest}"
        ));
    }
    let ends = [
        (
            rules.no_trailing_space && name.ends_with(' '),
            "end in a space",
        ),
        (
            rules.no_trailing_period && name.ends_with('.'),
            "end in a full stop",
        ),
        (
            rules.no_leading_space && name.starts_with(' '),
            "begin with a space",
        ),
        (
            rules.no_leading_period && name.starts_with('.'),
            "begin with a full stop",
        ),
    ];
    ends.iter()
        .find(|(is_so, _)| *is_so)
        .map(|(_, how)| format!("on this storage no name may {how}"))
}
