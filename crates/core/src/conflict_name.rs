//! The names of conflict copies (DESIGN 5.3): `NAME (conflict YYYY-MM-DD HHMMSS DEVICE).EXT`.
//!
//! A pure function of the name, the loser's time and the device that saw it, so that a repeated try
//! finds its own copy. Such a name is never one that Tandem keeps for itself, and no side has to map the
//! bracket: it holds letters, digits, `-`, `_`, spaces and parentheses only.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::char::is_combining_mark;

use crate::path::Name;
use crate::time::Timestamp;

/// Longest host part of a device's name, in bytes.
const LONGEST_HOST: usize = 24;
/// Stands for a host without a name.
const NAMELESS: &str = "device";
/// Longest name of a device, in bytes.
const LONGEST_DEVICE: usize = 40;
/// What a person calls a file type is short: a longer or spaced "extension" is part of the stem, as in
/// `Letter to Mr. Smith`.
const LONGEST_EXTENSION: usize = 16;
/// Begins the bracket.
const OPENING: &str = " (conflict ";

/// Text that is no [`DeviceName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a device's name is made of letters, digits, \"-\" and \"_\", at most 40 of them")]
pub struct BadDeviceName;

/// The name of this device as it stands in conflict copies and in `.tandem/versions`: host name and four
/// characters of the profile's id, of ASCII letters, digits, `-` and `_` only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceName(Box<str>);

impl DeviceName {
    /// From the `host` name, up to its first full stop, and the `profile` id. Anything else than ASCII
    /// letters, digits, `-` and `_` becomes `-`.
    #[must_use]
    pub fn new(host: &str, profile: &str) -> Self {
        let label = host.split('.').find(|l| !l.is_empty()).unwrap_or_default();
        let mut name = String::with_capacity(LONGEST_HOST + 5);
        for c in label.chars() {
            if name.len() == LONGEST_HOST {
                break;
            }
            if is_device_char(c) {
                name.push(c);
            } else if !name.is_empty() && !name.ends_with('-') {
                name.push('-');
            }
        }
        name.truncate(name.trim_end_matches('-').len());
        if name.is_empty() {
            name.push_str(NAMELESS);
        }
        name.push('-');
        let id = profile
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase());
        name.extend(id.chain(std::iter::repeat('0')).take(4));
        Self(name.into_boxed_str())
    }

    /// The text of the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_device_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

impl FromStr for DeviceName {
    type Err = BadDeviceName;
    fn from_str(text: &str) -> Result<Self, BadDeviceName> {
        if (1..=LONGEST_DEVICE).contains(&text.len()) && text.chars().all(is_device_char) {
            Ok(Self(text.into()))
        } else {
            Err(BadDeviceName)
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for DeviceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DeviceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<str>::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The name of the conflict copy of `name`, whose loser was last changed `at` and was seen by `device`
/// (a [`DeviceName`]; in other text, what a device's name cannot hold becomes `-`).
///
/// `ordinal` is 1 for the first try; 2 and more stand in the bracket (`... DEVICE 2)`), for a name that is
/// taken by other content. A conflict on a copy replaces the bracket. The stem is shortened at a character
/// so that the name takes at most `longest_name_bytes`, the extension is given up next; the bracket and
/// one character of the stem always stay, so that only a limit below some 80 bytes is not met.
///
/// Lengths are those of the canonical name: where a side maps characters, [`crate::names::encode`] says
/// by how much it is still too long.
#[must_use]
pub fn conflict_name(
    name: &Name,
    at: Timestamp,
    device: &str,
    ordinal: u32,
    longest_name_bytes: usize,
) -> Name {
    let mut original = name.as_str().to_owned();
    while let Some(inner) = without_bracket(&original) {
        original = inner;
    }
    let (mut stem, mut extension) = split(&original);
    // `.tandemignore (conflict ...)` would be a name that Tandem keeps for itself and never shows.
    if stem
        .get(..RESERVED.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(RESERVED))
    {
        stem = &stem[1..];
    }
    let bracket = bracket(at, device, ordinal);
    let first = stem.chars().next().map_or(0, char::len_utf8);
    let room = |extension: &str| {
        longest_name_bytes
            .checked_sub(bracket.len() + extension.len())
            .filter(|room| *room >= first)
    };
    let room = room(extension)
        .or_else(|| {
            extension = "";
            room("")
        })
        .unwrap_or(first);
    Name::new(format!("{}{bracket}{extension}", shorten(stem, room)))
        .expect("a valid name with a bracket holds no separator or NUL and is no dots")
}

const RESERVED: &str = ".tandem";
const IGNORE_FILE: &str = ".tandemignore";

fn bracket(at: Timestamp, device: &str, ordinal: u32) -> String {
    use fmt::Write as _;
    let (year, month, day, hour, minute, second) = at.civil();
    let mut text =
        format!("{OPENING}{year:04}-{month:02}-{day:02} {hour:02}{minute:02}{second:02} ");
    let safe = |c| if is_device_char(c) { c } else { '-' };
    let device = if device.is_empty() { NAMELESS } else { device };
    text.extend(device.chars().map(safe).take(LONGEST_DEVICE));
    if ordinal > 1 {
        // Writing to a string cannot fail.
        let _ = write!(text, " {ordinal}");
    }
    text.push(')');
    text
}

/// Stem and extension, where what follows the last full stop looks like an extension.
fn split(text: &str) -> (&str, &str) {
    let at = text.rfind('.').filter(|at| *at > 0).unwrap_or(text.len());
    let (stem, extension) = text.split_at(at);
    let is_extension = extension.len() > 1
        && extension.len() <= LONGEST_EXTENSION + 1
        && !extension.contains(char::is_whitespace);
    if is_extension {
        (stem, extension)
    } else {
        (text, "")
    }
}

/// The beginning of `stem` that fits into `room` bytes, cut before a character and not before its marks.
fn shorten(stem: &str, room: usize) -> &str {
    if stem.len() <= room {
        return stem;
    }
    let mut cut = room;
    while !stem.is_char_boundary(cut) {
        cut -= 1;
    }
    let whole = cut;
    while stem[cut..].chars().next().is_some_and(is_combining_mark)
        && let Some(last) = stem[..cut].chars().next_back()
    {
        cut -= last.len_utf8();
    }
    // Nothing but marks: better cut through than to leave nothing.
    let kept = &stem[..if cut == 0 { whole } else { cut }];
    let trimmed = kept.trim_end();
    // Of what is no name by itself nobody could tell that it is a copy.
    if matches!(trimmed, "" | "." | "..") {
        kept
    } else {
        trimmed
    }
}

/// The name that `name` is a conflict copy of; `None` if it is none.
///
/// What was cut from a long stem is not known any more.
#[must_use]
pub fn parse_conflict(name: &Name) -> Option<Name> {
    let mut original = without_bracket(name.as_str())?;
    while let Some(inner) = without_bracket(&original) {
        original = inner;
    }
    if original == IGNORE_FILE[1..] {
        original.insert(0, '.');
    }
    Name::new(original).ok()
}

/// Whether some side may take `name` for that of a conflict copy: one that does not tell capitals apart may show it in
/// others.
#[must_use]
pub fn may_be_conflict(name: &Name) -> bool {
    let text = name.as_str();
    // Nearly no name has a bracket, which is told sooner.
    text.as_bytes().contains(&b'(')
        && Name::new(text.to_lowercase()).is_ok_and(|name| parse_conflict(&name).is_some())
}

/// The name without its bracket, if it ends in one.
fn without_bracket(text: &str) -> Option<String> {
    let (stem, extension) = split(text);
    let inside = stem.strip_suffix(')')?;
    let at = inside.rfind(OPENING).filter(|at| *at > 0)?;
    is_bracket(&inside[at + OPENING.len()..]).then(|| format!("{}{extension}", &stem[..at]))
}

/// Whether `text` is `YYYY-MM-DD HHMMSS DEVICE` with or without an ordinal.
fn is_bracket(text: &str) -> bool {
    let mut words = text.split(' ');
    let shape = |word: Option<&str>, shape: &str| {
        word.is_some_and(|word| {
            word.len() == shape.len()
                && word.bytes().zip(shape.bytes()).all(|(b, s)| {
                    if s == b'9' {
                        b.is_ascii_digit()
                    } else {
                        b == s
                    }
                })
        })
    };
    shape(words.next(), "9999-99-99")
        && shape(words.next(), "999999")
        && words
            .next()
            .is_some_and(|word| word.parse::<DeviceName>().is_ok())
        && words
            .next()
            .is_none_or(|word| word.parse::<u32>().is_ok_and(|ordinal| ordinal > 1))
        && words.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_secs(1_795_219_199);
    const DEVICE: &str = "laptop-ab12";

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn a_copy_is_named_after_time_and_device_and_leads_back() {
        for (original, ordinal, copy) in [
            ("a.txt", 1, "a (conflict 2026-11-20 235959 laptop-ab12).txt"),
            (
                "a.txt",
                2,
                "a (conflict 2026-11-20 235959 laptop-ab12 2).txt",
            ),
            (
                "a.txt",
                11,
                "a (conflict 2026-11-20 235959 laptop-ab12 11).txt",
            ),
            (
                "Makefile",
                1,
                "Makefile (conflict 2026-11-20 235959 laptop-ab12)",
            ),
            (
                ".bashrc",
                1,
                ".bashrc (conflict 2026-11-20 235959 laptop-ab12)",
            ),
            (
                "a.tar.gz",
                1,
                "a.tar (conflict 2026-11-20 235959 laptop-ab12).gz",
            ),
            ("odd.", 1, "odd. (conflict 2026-11-20 235959 laptop-ab12)"),
            (
                "To Mr. Smith",
                1,
                "To Mr. Smith (conflict 2026-11-20 235959 laptop-ab12)",
            ),
            (
                "a (b).c",
                1,
                "a (b) (conflict 2026-11-20 235959 laptop-ab12).c",
            ),
            (
                ".tandemignore",
                1,
                "tandemignore (conflict 2026-11-20 235959 laptop-ab12)",
            ),
        ] {
            let made = conflict_name(&name(original), AT, DEVICE, ordinal, 255);
            assert_eq!(made.as_str(), copy);
            assert!(!made.is_reserved());
            assert_eq!(parse_conflict(&made), Some(name(original)), "{copy}");
        }
    }

    #[test]
    fn a_conflict_on_a_copy_replaces_the_bracket() {
        for original in ["a.txt", "a", ".tandemignore", "x (conflict).md"] {
            let first = conflict_name(&name(original), AT, DEVICE, 3, 255);
            let second = conflict_name(&first, AT.plus(5_000_000_000), "desk-0000", 1, 255);
            let direct =
                conflict_name(&name(original), AT.plus(5_000_000_000), "desk-0000", 1, 255);
            assert_eq!(second, direct);
            assert_eq!(parse_conflict(&second), Some(name(original)));
        }
        // Made elsewhere, two brackets deep.
        let deep = name("a (conflict 2026-11-20 235959 x-1) (conflict 2026-11-20 235959 y-2).txt");
        assert_eq!(parse_conflict(&deep), Some(name("a.txt")));
    }

    #[test]
    fn other_names_are_no_copies() {
        for text in [
            "a.txt",
            "a (conflict).txt",
            " (conflict 2026-11-20 235959 laptop-ab12).txt",
            "a (conflict 2026-11-20 23595 laptop-ab12).txt",
            "a (conflict 2026-11-20 235959 ).txt",
            "a (conflict 2026-11-20 235959 lap top).txt",
            "a (conflict 2026-11-20 235959 laptop 1).txt",
            "a (conflict 2026-11-20 235959 laptop 2 3).txt",
            "a (conflict 2026-11-20 235959 läptop).txt",
            "a (conflict 2026-11-20 235959 laptop) b.txt",
            "(conflict 2026-11-20 235959 laptop).txt",
        ] {
            assert_eq!(parse_conflict(&name(text)), None, "{text}");
        }
    }

    #[test]
    fn the_stem_is_shortened_at_a_character_to_fit() {
        let bracket = " (conflict 2026-11-20 235959 laptop-ab12)";
        for (original, longest, copy) in [
            (
                "äöü.txt",
                bracket.len() + 4 + 6,
                format!("äöü{bracket}.txt"),
            ),
            ("äöü.txt", bracket.len() + 4 + 5, format!("äö{bracket}.txt")),
            ("äöü.txt", bracket.len() + 4 + 2, format!("ä{bracket}.txt")),
            // No room for both: the extension goes, and the first character stays whatever happens.
            ("äöü.txt", bracket.len() + 4 + 1, format!("äö{bracket}")),
            ("äöü.txt", 0, format!("ä{bracket}")),
            // Not between a letter and its marks, and no space at the cut.
            (
                "xa\u{308}b.c",
                bracket.len() + 2 + 3,
                format!("x{bracket}.c"),
            ),
            (
                "one two.c",
                bracket.len() + 2 + 4,
                format!("one{bracket}.c"),
            ),
        ] {
            let made = conflict_name(&name(original), AT, DEVICE, 1, longest);
            assert_eq!(made.as_str(), copy);
        }
        for letters in ["a", "ä", "😀", "a\u{301}"] {
            for longest in 60..300 {
                let long = name(&format!("{}.jpeg", letters.repeat(200 / letters.len())));
                let made = conflict_name(&long, AT, DEVICE, 7, longest);
                assert!(made.as_str().len() <= longest, "{made} {longest}");
                assert!(made.as_str().ends_with(" laptop-ab12 7).jpeg"), "{made}");
            }
        }
    }

    #[test]
    fn a_device_has_a_name_that_every_side_holds() {
        for (host, profile, device) in [
            ("laptop", "ab12cd34", "laptop-ab12"),
            ("laptop.home.arpa", "AB-12", "laptop-ab12"),
            ("Anna's MacBook (2)", "ffff", "Anna-s-MacBook-2-ffff"),
            ("Jürgen", "0123", "J-rgen-0123"),
            ("", "", "device-0000"),
            ("...", "1", "device-1000"),
            ("../../etc\0", "a/b", "device-ab00"),
            (
                "a_very_long_host_name_indeed",
                "abcd",
                "a_very_long_host_name_in-abcd",
            ),
        ] {
            let made = DeviceName::new(host, profile);
            assert_eq!(made.as_str(), device);
            assert_eq!(device.parse(), Ok(made));
        }
        for bad in ["", "a b", "a)", "a/b", "ä", &"x".repeat(41)] {
            assert_eq!(bad.parse::<DeviceName>(), Err(BadDeviceName), "{bad}");
        }
        // Whatever is given as a device, the bracket can be read again.
        let made = conflict_name(&name("a.b"), AT, "My PC (2)/é", 1, 255);
        assert_eq!(
            made.as_str(),
            "a (conflict 2026-11-20 235959 My-PC--2---).b"
        );
        assert_eq!(parse_conflict(&made), Some(name("a.b")));
        let made = conflict_name(&name("a"), AT, "", 1, 255);
        assert_eq!(parse_conflict(&made), Some(name("a")));
    }
}
