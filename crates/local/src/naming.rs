//! What a file system makes of names: found out by looking for those that are there under other spellings, which
//! writes nothing.

use std::ops::ControlFlow;

use tandem_core::path::Name;
use unicode_normalization::UnicodeNormalization;

use crate::sys::{Folder, Type};

/// So many names are looked through for one that can be spelled otherwise.
const MOST: usize = 1000;

/// What a file system makes of names.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one rule that is there or not"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Naming {
    /// Names that differ in case alone are one.
    pub(crate) folds_case: bool,
    /// Names that differ in composition alone are one.
    pub(crate) folds_form: bool,
    /// A full stop at the end of a name is lost.
    pub(crate) strips_period: bool,
    /// A space at the end of a name is lost.
    pub(crate) strips_space: bool,
    /// The names of Windows' devices are refused.
    pub(crate) windows_devices: bool,
}

impl Naming {
    /// As `folder` shows it with the names in it, and its file system says of itself where none can show it.
    pub(crate) fn of(folder: &Folder) -> Self {
        let mut found = Findings::default();
        let mut room = Vec::with_capacity(32 * 1024);
        let mut left = MOST;
        let is_one = |name: &str, other: &str| is_one_file(folder, name, other);
        let looked = folder.for_each_name(&mut room, |raw, _| {
            left -= 1;
            let name = raw.to_str().ok().and_then(|text| Name::new(text).ok());
            let all = name.is_some_and(|name| found.look(name.as_str(), is_one));
            if all || left == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if looked.is_err() {
            found = Findings::default();
        }
        let said = folder.says_of_names();
        Self {
            folds_case: found.case.unwrap_or(said.folds_case),
            folds_form: found.form.unwrap_or(said.folds_form),
            strips_period: said.strips_period || found.period == Some(true),
            strips_space: said.strips_space || found.space == Some(true),
            windows_devices: said.windows_devices,
        }
    }
}

/// What names showed so far.
#[derive(Debug, Default, PartialEq, Eq)]
struct Findings {
    case: Option<bool>,
    form: Option<bool>,
    period: Option<bool>,
    space: Option<bool>,
}

impl Findings {
    /// Looks for `name` as it may be spelled otherwise. Whether all was found out.
    fn look(&mut self, name: &str, is_one: impl Fn(&str, &str) -> Option<bool>) -> bool {
        let is_one = |other: &str| (other != name).then(|| is_one(name, other)).flatten();
        self.case = self.case.or_else(|| is_one(&other_case(name)));
        self.form = self.form.or_else(|| is_one(&other_form(name)));
        self.period = self.period.or_else(|| is_one(&format!("{name}.")));
        self.space = self.space.or_else(|| is_one(&format!("{name} ")));
        let all = [self.case, self.form, self.period, self.space];
        all.iter().all(Option::is_some)
    }
}

/// Whether `name`, which is there, is found under `other` too. `None` where that shows nothing: both are found, and are
/// one file that has several names.
pub(crate) fn is_one_file(folder: &Folder, name: &str, other: &str) -> Option<bool> {
    let one = folder.stat(name).ok()??;
    let Some(found) = folder.stat(other).ok()? else {
        return Some(false);
    };
    if !one.is_same_file(&found) {
        return Some(false);
    }
    // A folder has one name, whatever its count of links says.
    (one.kind == Type::Folder || one.links < 2).then_some(true)
}

/// `name` with the letters of ASCII in the other case.
pub(crate) fn other_case(name: &str) -> String {
    let turn = |c: char| {
        if c.is_ascii_lowercase() {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        }
    };
    name.chars().map(turn).collect()
}

/// `name` decomposed, or composed if it is decomposed already.
fn other_form(name: &str) -> String {
    if name.is_ascii() {
        return name.to_owned();
    }
    let decomposed: String = name.nfd().collect();
    if decomposed == name {
        name.nfc().collect()
    } else {
        decomposed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(names: &[&str], same: impl Fn(&str) -> String) -> Findings {
        let mut found = Findings::default();
        for name in names {
            found.look(name, |name, other| Some(same(name) == same(other)));
        }
        found
    }

    #[test]
    fn each_rule_shows_by_a_name_that_is_found_under_another_spelling() {
        let names = ["1", "a", "u\u{308}"];
        let all = |shows| Findings {
            case: Some(shows),
            form: Some(shows),
            period: Some(shows),
            space: Some(shows),
        };
        assert_eq!(shown(&names, str::to_owned), all(false));
        let folding = |name: &str| {
            let stripped = name.trim_end_matches(['.', ' ']).to_lowercase();
            stripped.nfc().collect()
        };
        assert_eq!(shown(&names, folding), all(true));
        let windows = |name: &str| name.trim_end_matches('.').to_owned();
        let found = shown(&["1"], windows);
        assert_eq!((found.period, found.space), (Some(true), Some(false)));
        assert_eq!((found.case, found.form), (None, None));
    }

    #[test]
    fn a_file_of_several_names_shows_nothing_and_the_next_name_does() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "").unwrap();
        std::fs::hard_link(folder.path().join("a"), folder.path().join("A")).unwrap();
        let opened = Folder::open_root(folder.path(), crate::sys::Features::ALL).unwrap();
        assert_eq!(is_one_file(&opened, "a", "A"), None);
        assert_eq!(is_one_file(&opened, "a", "a."), Some(false));
        assert_eq!(Naming::of(&opened), Naming::default());
    }
}
