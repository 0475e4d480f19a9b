//! Names that a side cannot hold, mapped reversibly (P12, DESIGN 5.8).
//!
//! The mapping is rclone's (`lib/encoder`), so that rclone sees the same tree: a character that a side
//! refuses becomes its fullwidth twin (`:` is `：`) or its control picture (TAB is `␉`, a space at an end
//! is `␠`), and a name that already contains such a replacement gets the quote `‛` before it. Invariant:
//! `decode(encode(name)) == name` for every name and every set of rules. Two things differ from rclone,
//! both because the invariant asks for it or rclone's own tree shows no difference:
//!
//! - rclone reads a trailing `‛‛．` as a quoted `．`, which is not what it wrote; here the number of quotes
//!   decides.
//! - rclone quotes `␀` and `／` on every side, for NUL and `/`, which no name here can contain.
//!
//! With rules that forbid nothing every name stays as it is, quotes included.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::capabilities::{CaseRule, NameRules, UnicodeRule};
use crate::path::{Name, PathError, RelPath};

/// SINGLE HIGH-REVERSED-9 QUOTATION MARK: what follows stands for itself.
const QUOTE: char = '\u{201B}';
/// SYMBOL FOR SPACE.
const SPACE_SYMBOL: char = '\u{2420}';
/// FULLWIDTH FULL STOP.
const WIDE_STOP: char = '\u{FF0E}';
/// From a printable ASCII character to its fullwidth twin.
const TO_WIDE: u32 = 0xFEE0;
/// SYMBOL FOR NULL, the first of the control pictures.
const PICTURES: u32 = 0x2400;

/// Why a side cannot hold a name, mapped or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameRefusal {
    /// The name is longer than the side takes, counted as the side spells it.
    #[error("the name is {bytes} bytes long there, and at most {longest} can be held")]
    NameTooLong {
        /// Its length in bytes of UTF-8.
        bytes: u32,
        /// The longest the side takes.
        longest: u32,
    },
    /// The path below the root is longer than the side takes, counted as the side spells it.
    #[error("the path is {bytes} bytes long there, and at most {longest} can be held")]
    PathTooLong {
        /// Its length in bytes of UTF-8.
        bytes: u32,
        /// The longest the side takes.
        longest: u32,
    },
    /// Windows takes the name for a device, whatever its extension. rclone does not map these either.
    #[error("Windows keeps this name for a device")]
    WindowsDevice,
    /// The side refuses this character, and it has no replacement.
    #[error("the character {0:?} cannot be held")]
    Character(char),
}

/// The characters below U+0080 that are replaced wherever they stand, one bit each.
#[derive(Clone, Copy)]
struct Replaced(u128);

impl Replaced {
    fn of(rules: &NameRules) -> Self {
        let mut bits = 0;
        if rules.no_control {
            // 0x01 to 0x1F, and DEL.
            bits |= 0xFFFF_FFFE | 1 << 0x7F;
        }
        for byte in rules.forbidden.bytes().filter(u8::is_ascii) {
            bits |= 1 << byte;
        }
        // `/` and NUL are in no name; were `／` read as `/`, a foreign name could hold a separator (P11).
        Self(bits & !(1 | 1 << b'/'))
    }

    const fn has(self, c: char) -> bool {
        c.is_ascii() && self.0 >> (c as u32) & 1 == 1
    }

    /// The character that `c` replaces under these rules.
    fn original(self, c: char) -> Option<char> {
        let ascii = match c as u32 {
            0x2401..=0x241F => c as u32 - PICTURES,
            0x2420 => 0x20,
            0x2421 => 0x7F,
            0xFF01..=0xFF5E => c as u32 - TO_WIDE,
            _ => return None,
        };
        char::from_u32(ascii).filter(|original| self.has(*original))
    }
}

/// What stands for a character below U+0080.
fn replacement(c: char) -> char {
    let code = match c as u32 {
        0x20 => SPACE_SYMBOL as u32,
        0x7F => 0x2421,
        control @ 0..=0x1F => PICTURES + control,
        printable => printable + TO_WIDE,
    };
    char::from_u32(code).unwrap_or(c)
}

/// Whether the rules map any name at all.
fn maps_nothing(replaced: Replaced, rules: &NameRules) -> bool {
    replaced.0 == 0
        && !rules.no_leading_space
        && !rules.no_leading_period
        && !rules.no_trailing_space
        && !rules.no_trailing_period
}

/// What is replaced at the beginning of a name, if `first` is its first character: as for [`end_rule`].
fn start_rule(first: char, rules: &NameRules) -> Option<(char, char)> {
    match first {
        ' ' | SPACE_SYMBOL if rules.no_leading_space => Some((' ', SPACE_SYMBOL)),
        '.' | WIDE_STOP if rules.no_leading_period => Some(('.', WIDE_STOP)),
        _ => None,
    }
}

/// What is replaced at the end of a name, if `last` is its last character: the plain character and its
/// replacement.
fn end_rule(last: char, rules: &NameRules) -> Option<(char, char)> {
    match last {
        ' ' | SPACE_SYMBOL if rules.no_trailing_space => Some((' ', SPACE_SYMBOL)),
        '.' | WIDE_STOP if rules.no_trailing_period => Some(('.', WIDE_STOP)),
        _ => None,
    }
}

/// Whether the plain ASCII `text` is held as it is, without a look at its length.
fn is_plain(text: &str, replaced: Replaced, rules: &NameRules) -> bool {
    let bytes = text.as_bytes();
    bytes
        .iter()
        .all(|b| b.is_ascii() && replaced.0 >> b & 1 == 0)
        && !(rules.no_leading_space && bytes.first() == Some(&b' '))
        && !(rules.no_leading_period && bytes.first() == Some(&b'.'))
        && !(rules.no_trailing_space && bytes.last() == Some(&b' '))
        && !(rules.no_trailing_period && bytes.last() == Some(&b'.'))
}

/// The name by which a side with these `rules` holds `name`.
///
/// # Errors
/// [`NameRefusal`] if the side cannot hold it, mapped or not.
pub fn encode<'a>(name: &'a Name, rules: &NameRules) -> Result<Cow<'a, Name>, NameRefusal> {
    let text = name.as_str();
    let replaced = Replaced::of(rules);
    let native = if maps_nothing(replaced, rules) || is_plain(text, replaced, rules) {
        Cow::Borrowed(name)
    } else {
        // Replacing gives no separator, NUL or empty text, and only lengthens `.` and `..` out of reach.
        Name::new(map(text, replaced, rules)).map_or(Cow::Borrowed(name), |mapped| {
            if mapped == *name {
                Cow::Borrowed(name)
            } else {
                Cow::Owned(mapped)
            }
        })
    };
    check(&native, rules)?;
    Ok(native)
}

/// How rclone writes `．．` wherever it must not be taken for `..`.
const WIDE_DOTS: (&str, &str) = ("．．", "‛．‛．");

fn map(text: &str, replaced: Replaced, rules: &NameRules) -> String {
    if rules.no_trailing_period && text == WIDE_DOTS.0 {
        return WIDE_DOTS.1.to_owned();
    }
    let mut body = text;
    let mut out = String::with_capacity(text.len() + 8);
    if let Some(first) = body.chars().next()
        && let Some((plain, symbol)) = start_rule(first, rules)
    {
        body = &body[first.len_utf8()..];
        if first != plain {
            out.push(QUOTE);
        }
        out.push(symbol);
    }
    let mut end = None;
    if let Some(last) = body.chars().next_back()
        && let Some((plain, symbol)) = end_rule(last, rules)
    {
        body = &body[..body.len() - last.len_utf8()];
        end = Some((last != plain, symbol));
    }
    for c in body.chars() {
        if replaced.has(c) {
            out.push(replacement(c));
        } else {
            if c == QUOTE || replaced.original(c).is_some() {
                out.push(QUOTE);
            }
            out.push(c);
        }
    }
    if let Some((quoted, symbol)) = end {
        if quoted {
            out.push(QUOTE);
        }
        out.push(symbol);
    }
    out
}

fn check(native: &Name, rules: &NameRules) -> Result<(), NameRefusal> {
    let text = native.as_str();
    // Characters that have no replacement are still there.
    if !rules.forbidden.is_ascii()
        && let Some(c) = text
            .chars()
            .find(|c| !c.is_ascii() && rules.forbidden.contains(*c))
    {
        return Err(NameRefusal::Character(c));
    }
    if rules.no_windows_devices && is_windows_device(text) {
        return Err(NameRefusal::WindowsDevice);
    }
    if let Some(longest) = rules.longest_name
        && text.len() > longest as usize
    {
        return Err(NameRefusal::NameTooLong {
            bytes: length(text),
            longest,
        });
    }
    Ok(())
}

fn length(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

/// Whether Windows takes `name` for a device: `CON`, `nul.txt`, `com1 .log`, `LPT²`.
///
/// After Microsoft's "Naming Files, Paths, and Namespaces": the part before the first full stop counts,
/// without spaces at its end, and the superscript digits 1 to 3 are digits.
#[must_use]
pub(crate) fn is_windows_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ');
    // Three letters at least, eight characters at most; superscripts take two bytes.
    if !(3..=8).contains(&stem.len()) {
        return false;
    }
    let upper = stem.to_ascii_uppercase();
    if matches!(
        upper.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
    ) {
        return true;
    }
    let Some(number) = upper
        .strip_prefix("COM")
        .or_else(|| upper.strip_prefix("LPT"))
    else {
        return false;
    };
    let mut chars = number.chars();
    matches!(chars.next(), Some('0'..='9' | '¹' | '²' | '³')) && chars.next().is_none()
}

/// The name that a side with these `rules` means by its own spelling `native`.
///
/// Every name has one spelling that [`encode`] gives. A side may show others for the same name (`a:b`
/// where it declared `:` as forbidden, a lone quote): they are told apart by [`is_canonical`], and two of
/// one name in one folder are twins.
///
/// # Errors
/// [`PathError`] if what is meant is no name, such as `．` for a single full stop.
pub fn decode(native: &str, rules: &NameRules) -> Result<Name, PathError> {
    let replaced = Replaced::of(rules);
    if native.is_ascii() || maps_nothing(replaced, rules) {
        return Name::new(native);
    }
    Name::new(unmap(native, replaced, rules))
}

/// As [`decode`], of a name that was found valid; borrows it where nothing is mapped.
///
/// # Errors
/// As [`decode`].
pub fn decode_name<'a>(native: &'a Name, rules: &NameRules) -> Result<Cow<'a, Name>, PathError> {
    // Every replacement and the quote lie outside ASCII.
    if native.as_str().is_ascii() || maps_nothing(Replaced::of(rules), rules) {
        return Ok(Cow::Borrowed(native));
    }
    let name = decode(native.as_str(), rules)?;
    Ok(if name == *native {
        Cow::Borrowed(native)
    } else {
        Cow::Owned(name)
    })
}

fn unmap(native: &str, replaced: Replaced, rules: &NameRules) -> String {
    if rules.no_trailing_period && native == WIDE_DOTS.1 {
        return WIDE_DOTS.0.to_owned();
    }
    let mut body = native;
    let mut out = String::with_capacity(native.len());
    let quoted = body.strip_prefix(QUOTE);
    let first = quoted.unwrap_or(body).chars().next();
    if let Some(first) = first.filter(|first| !first.is_ascii())
        && let Some((plain, symbol)) = start_rule(first, rules)
    {
        body = &quoted.unwrap_or(body)[first.len_utf8()..];
        out.push(if quoted.is_some() { symbol } else { plain });
    }
    let mut end = None;
    if let Some(last) = body.chars().next_back()
        && !last.is_ascii()
        && let Some((plain, symbol)) = end_rule(last, rules)
    {
        body = &body[..body.len() - last.len_utf8()];
        // Quotes of the name itself are doubled, so an odd number quotes what follows.
        let quotes = body.chars().rev().take_while(|c| *c == QUOTE).count();
        if quotes % 2 == 1 {
            body = &body[..body.len() - QUOTE.len_utf8()];
            end = Some(symbol);
        } else {
            end = Some(plain);
        }
    }
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        if c == QUOTE {
            // A quote before what needs none stands for itself, as in rclone.
            let quoted = chars.next_if(|q| *q == QUOTE || replaced.original(*q).is_some());
            out.push(quoted.unwrap_or(c));
        } else {
            out.push(replaced.original(c).unwrap_or(c));
        }
    }
    out.extend(end);
    out
}

/// Whether `native` is the spelling that [`encode`] gives to the name it means.
#[must_use]
pub fn is_canonical(native: &Name, rules: &NameRules) -> bool {
    let replaced = Replaced::of(rules);
    maps_nothing(replaced, rules)
        || is_plain(native.as_str(), replaced, rules)
        || decode(native.as_str(), rules)
            .is_ok_and(|name| map(name.as_str(), replaced, rules) == native.as_str())
}

/// The path by which a side with these `rules` holds `path`.
///
/// # Errors
/// [`NameRefusal`] if the side cannot hold one of its names, or the whole.
pub fn encode_path(path: &RelPath, rules: &NameRules) -> Result<RelPath, NameRefusal> {
    let mut native = RelPath::root();
    for name in path.names() {
        native = native.join(&*encode(&name, rules)?);
    }
    check_path(&native, rules)?;
    Ok(native)
}

/// The path that a side with these `rules` means by its own spelling `native`.
///
/// # Errors
/// [`PathError`] if one of its names means none.
pub fn decode_path(native: &RelPath, rules: &NameRules) -> Result<RelPath, PathError> {
    if native.as_str().is_ascii() || maps_nothing(Replaced::of(rules), rules) {
        return Ok(native.clone());
    }
    let mut path = RelPath::root();
    for name in native.names() {
        path = path.join(&*decode_name(&name, rules)?);
    }
    Ok(path)
}

/// Whether a path, already in the side's spelling, is short enough.
///
/// # Errors
/// [`NameRefusal::PathTooLong`] if it is not.
fn check_path(native: &RelPath, rules: &NameRules) -> Result<(), NameRefusal> {
    match rules.longest_path {
        Some(longest) if native.as_str().len() > longest as usize => {
            Err(NameRefusal::PathTooLong {
                bytes: length(native.as_str()),
                longest,
            })
        }
        _ => Ok(()),
    }
}

/// Names with equal keys cannot live beside each other on a side with these rules.
///
/// Where case does not count, the key is the full case folding (lower, upper and lower again, character
/// by character), so `Straße` and `STRASSE` share a key although some sides tell them apart: refusing a
/// name that could have lived is seen and can be mended, merging two is neither (P12).
/// The dotless `ı` alone is not folded: no side takes `sınır` for `sinir`. Where composed and decomposed
/// forms are one, the key is composed (NFC).
#[must_use]
pub fn collision_key(name: &Name, case: CaseRule, unicode: UnicodeRule) -> Box<str> {
    let text = name.as_str();
    if text.is_ascii() {
        return match case {
            CaseRule::Sensitive => text.into(),
            CaseRule::Insensitive => text.to_ascii_lowercase().into_boxed_str(),
        };
    }
    match (case, unicode) {
        (CaseRule::Sensitive, UnicodeRule::Exact) => text.into(),
        (CaseRule::Sensitive, UnicodeRule::Folding) if is_nfc(text) => text.into(),
        (CaseRule::Sensitive, UnicodeRule::Folding) => text.nfc().collect::<String>().into(),
        (CaseRule::Insensitive, UnicodeRule::Exact) => {
            text.chars().flat_map(folded).collect::<String>().into()
        }
        (CaseRule::Insensitive, UnicodeRule::Folding) => {
            text.nfd().flat_map(folded).nfc().collect::<String>().into()
        }
    }
}

/// One character without case.
fn folded(c: char) -> impl Iterator<Item = char> {
    let keep = (c == 'ı').then_some(c);
    let fold = (c != 'ı').then(|| {
        c.to_lowercase()
            .flat_map(char::to_uppercase)
            .flat_map(char::to_lowercase)
    });
    keep.into_iter().chain(fold.into_iter().flatten())
}

#[cfg(test)]
mod tests;
