//! Which names mean one place.

use tandem_core::capabilities::{Capabilities, CaseRule, NameRules, UnicodeRule};
use tandem_core::names;
use tandem_core::path::{Name, RelPath};
use tandem_core::side::{PerSide, Side};

/// Under which names two items cannot lie beside each other on some side.
pub(in crate::state) struct Rules(CaseRule, UnicodeRule);

impl Rules {
    pub(in crate::state) fn of(both: PerSide<&Capabilities>) -> Self {
        let any_case = Side::BOTH
            .iter()
            .any(|&s| both[s].case == CaseRule::Insensitive);
        let any_form = Side::BOTH
            .iter()
            .any(|&s| both[s].unicode == UnicodeRule::Folding);
        Self(
            if any_case {
                CaseRule::Insensitive
            } else {
                CaseRule::Sensitive
            },
            if any_form {
                UnicodeRule::Folding
            } else {
                UnicodeRule::Exact
            },
        )
    }

    pub(super) fn key(&self, name: &Name) -> Box<str> {
        names::collision_key(name, self.0, self.1)
    }

    /// The key of a name as a side spells it.
    pub(in crate::state) fn key_of(&self, native: &Name, rules: &NameRules) -> Box<str> {
        match names::decode_name(native, rules) {
            Ok(name) => self.key(&name),
            Err(_) => self.key(native),
        }
    }

    /// The keys of all names of a path as a side spells them.
    pub(super) fn key_of_path(&self, native: &RelPath, rules: &NameRules) -> Box<str> {
        let keys: Vec<Box<str>> = native
            .names()
            .map(|name| self.key_of(&name, rules))
            .collect();
        keys.join("/").into()
    }
}
