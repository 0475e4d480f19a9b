//! What a bundle for helpers says instead of the names of files and folders.
//!
//! A name is replaced by a hash that is the same throughout one bundle and no other: helpers see what belongs
//! together and what kind of file it is, and cannot find the name by trying.

use tandem_core::path::RelPath;
use tandem_core::storage::Ground;

use crate::answer::DoctorView;
use crate::config::{Config, StorageRecord};
use crate::environment::random;

/// Fields of a log line that name no file.
const KEPT: [&str; 10] = [
    "pair", "side", "outcome", "guard", "count", "cause", "why", "wait", "number", "raced",
];
/// Fields in which names stand in quotation marks.
const TEXTS: [&str; 2] = ["error", "detail"];
/// Longer endings are part of the name.
const LONGEST_ENDING: usize = 5;

/// Hides names.
pub(super) struct Names {
    key: [u8; 32],
    /// Places that are told in sentences, the longest first.
    places: Vec<String>,
}

impl Names {
    /// For one bundle.
    pub(super) fn new(places: Vec<String>) -> Self {
        let key: Vec<u8> = (0..4).flat_map(|_| random().to_le_bytes()).collect();
        let mut fixed = [0; 32];
        fixed.copy_from_slice(&key);
        let mut places = places;
        places.retain(|place| place.chars().filter(|c| c.is_alphanumeric()).count() > 1);
        places.sort_by_key(|place| std::cmp::Reverse(place.len()));
        Self { key: fixed, places }
    }

    /// A path, name by name.
    fn path(&self, path: &str) -> String {
        let hidden = |name: &str| match name {
            "" | "." | ".." => name.to_owned(),
            name => self.name(name),
        };
        let names: Vec<_> = path.split(['/', '\\']).map(hidden).collect();
        names.join("/")
    }

    fn name(&self, name: &str) -> String {
        let hash = blake3::keyed_hash(&self.key, name.as_bytes()).to_hex();
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let plain = ending.chars().all(|c| c.is_ascii_alphanumeric());
        if ending.is_empty() || ending.len() > LONGEST_ENDING || !plain {
            return format!("#{}", &hash[..8]);
        }
        format!("#{}.{ending}", &hash[..8])
    }

    /// A sentence: the known places in it, and what stands in quotation marks.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for place in &self.places {
            if text.contains(place.as_str()) {
                text = text.replace(place.as_str(), &self.path(place));
            }
        }
        for (open, close) in [("\\\"", "\\\""), ("“", "”"), ("\"", "\"")] {
            text = self.between(&text, open, close);
        }
        text
    }

    fn between(&self, text: &str, open: &str, close: &str) -> String {
        let mut hidden = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(open) {
            // What is not closed is hidden to its end.
            let (inside, after) = after.split_once(close).unwrap_or((after, ""));
            // A mark within other marks ends here too; it was hidden before.
            let shown = if inside.starts_with('#') {
                inside.to_owned()
            } else {
                self.path(inside)
            };
            hidden.extend([before, open, &shown, close]);
            rest = after;
        }
        hidden + rest
    }

    /// Lines of a log: `TIME LEVEL TARGET: message key=value key="value"`.
    pub(super) fn log(&self, log: &str) -> String {
        log.lines().map(|line| self.line(line) + "\n").collect()
    }

    fn line(&self, line: &str) -> String {
        // The rest of a value with line ends in it.
        if !line.starts_with(|c: char| c.is_ascii_digit()) {
            return self.path(line);
        }
        let mut starts = fields(line);
        starts.push(line.len());
        let mut hidden = self.text(&line[..starts[0]]);
        for ends in starts.windows(2) {
            hidden.push_str(&self.field(&line[ends[0]..ends[1]]));
        }
        hidden
    }

    /// One ` key=value`.
    fn field(&self, field: &str) -> String {
        let Some((key, value)) = field.split_once('=') else {
            return self.path(field);
        };
        let inside = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        let value = match (key.trim(), inside) {
            (_, Some("")) => value.to_owned(),
            (kept, _) if KEPT.contains(&kept) => value.to_owned(),
            (text, Some(inside)) if TEXTS.contains(&text) => format!("\"{}\"", self.text(inside)),
            (text, None) if TEXTS.contains(&text) => self.text(value),
            (_, Some(inside)) => format!("\"{}\"", self.path(inside)),
            (_, None) => self.path(value),
        };
        format!("{key}={value}")
    }

    /// What the doctor found.
    pub(super) fn doctor(&self, mut answer: DoctorView) -> DoctorView {
        for check in &mut answer.checks {
            check.message = self.text(&check.message);
            check.next_step = self.text(&check.next_step);
        }
        answer
    }

    /// The configuration. `ground` says where a storage lies: the folder of it is a name.
    pub(super) fn config(
        &self,
        mut config: Config,
        ground: impl Fn(&StorageRecord) -> Ground,
    ) -> Config {
        for storage in &mut config.storages {
            let folder = ground(storage).folder;
            for value in storage.config.values_mut() {
                if *value == folder {
                    *value = self.path(value);
                }
            }
        }
        for pair in &mut config.pairs {
            let filter = &mut pair.options.filter;
            let paths = [&mut pair.source.path, &mut pair.destination.path];
            for path in paths.into_iter().chain(&mut filter.patterns) {
                *path = self.path(path);
            }
            for folder in &mut filter.chosen {
                let hidden = RelPath::new(&self.path(folder.as_str()));
                *folder = hidden.unwrap_or_else(|_| RelPath::root());
            }
        }
        config
    }
}

/// Where fields begin: at a space before `key=`, outside of quotation marks.
fn fields(line: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in line.char_indices() {
        match c {
            '"' if !escaped => quoted = !quoted,
            ' ' if !quoted && begins_field(&line[at + 1..]) => starts.push(at),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    starts
}

fn begins_field(text: &str) -> bool {
    let key = text.split_once('=').map_or("", |(key, _)| key);
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new(vec!["/home/ada/Taxes".to_owned(), "/".to_owned()])
    }

    #[test]
    fn a_name_is_hidden_alike_everywhere_in_one_bundle_alone() {
        let names = names();
        let (one, two) = (names.path("Taxes/a b.pdf"), names.path("/x/Taxes"));
        assert!(one.ends_with(".pdf") && one.len() == 9 + 1 + 9 + 4, "{one}");
        assert_eq!(one.split('/').next(), two.split('/').next_back());
        assert_ne!(one, self::names().path("Taxes/a b.pdf"));
        assert_eq!(names.path("../"), "../");
        assert!(!names.path("Dr. Who").contains("Who"));
    }

    #[test]
    fn a_log_keeps_what_helps_and_no_name() {
        let names = names();
        let head = "2026-11-20T12:00:00.0Z  WARN tandem_engine::x:";
        for (rest, kept) in [
            (
                r#"new pair=docs side=source path="Taxes/a \"b\".pdf" outcome=Done error="""#,
                &[
                    "new pair=docs side=source path=",
                    ".pdf\" outcome=Done error=\"\"",
                ][..],
            ),
            (
                r#"x error="commit \"Taxes/a\" on photos: forbidden (403)""#,
                &["commit ", " on photos: forbidden (403)"],
            ),
            (
                r#"x error=commit "Taxes/a" on photos: forbidden count=3"#,
                &["commit ", " on photos: forbidden count=3"],
            ),
            (
                "x path=Taxes of a=b Taxes number=4",
                &["x path=", " number=4"],
            ),
            (
                "x folder=Taxes error=No such file (os error 2)",
                &["No such file (os error 2)"],
            ),
            (
                "There is no folder /home/ada/Taxes.",
                &["There is no folder /#"],
            ),
            (
                "There is no “Taxes” on photos.",
                &["There is no “#", "” on photos."],
            ),
            (
                "x\nTaxes went on\n2026 y count=1",
                &["x\n#", "\n2026 y count=1"],
            ),
        ] {
            let hidden = names.log(&format!("{head} {rest}\n"));
            assert!(
                !hidden.contains("Taxes") && !hidden.contains("ada"),
                "{hidden}"
            );
            for part in kept {
                assert!(hidden.contains(part), "{part} in {hidden}");
            }
            assert!(hidden.starts_with(head), "{hidden}");
        }
    }
}
