//! Patterns in gitignore syntax, as git reads them.
//!
//! The `ignore` crate matches. It reads some lines otherwise than git does (braces, `[[:alpha:]]`, `/` in
//! brackets, three stars, white space at the end), so each line is rewritten into what both read alike.
//! A line that git would let match nothing (a bracket or escape without an end) is an error here: what a
//! person wanted to leave out must not be carried in silence.

use std::path::PathBuf;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadLine {
    /// Its number, from 1 on; 0 if it is the whole.
    pub(super) line: u32,
    /// The line.
    pub(super) text: String,
    /// What is wrong with it.
    pub(super) why: String,
}

/// What the last line that matches says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// No line matches.
    Nothing,
    /// Leave it out; by the line of this number.
    Out(u32),
    /// Keep it (`!`).
    In,
}

/// The patterns of one file or of a pair.
#[derive(Debug, Clone)]
pub(super) struct Patterns {
    matcher: Gitignore,
    /// The lines as written, for `explain`.
    lines: Vec<Box<str>>,
}

impl Patterns {
    /// Reads `lines`.
    pub(super) fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Self, BadLine> {
        let mut builder = GitignoreBuilder::new("");
        let mut kept = Vec::new();
        for (number, line) in (1..).zip(lines) {
            let line = if number == 1 {
                line.strip_prefix('\u{FEFF}').unwrap_or(line)
            } else {
                line
            };
            let line = line.strip_suffix('\r').unwrap_or(line);
            let bad = |why: String| BadLine {
                line: number,
                text: line.to_owned(),
                why,
            };
            if let Some(glob) = rewrite(line).map_err(|why| bad(why.to_owned()))? {
                // What matched is known by this "file", which is the number of the line.
                builder
                    .add_line(Some(PathBuf::from(number.to_string())), &glob)
                    .map_err(|error| bad(error.to_string()))?;
            }
            kept.push(Box::from(line));
        }
        let matcher = builder.build().map_err(|error| BadLine {
            line: 0,
            text: String::new(),
            why: error.to_string(),
        })?;
        Ok(Self {
            matcher,
            lines: kept,
        })
    }

    /// Whether there is no pattern at all.
    pub(super) fn is_empty(&self) -> bool {
        self.matcher.is_empty()
    }

    /// What they say of `path`, given from the folder they stand in.
    pub(super) fn say(&self, path: &str, is_folder: bool) -> Said {
        match self.matcher.matched(path, is_folder) {
            Match::None => Said::Nothing,
            Match::Whitelist(_) => Said::In,
            Match::Ignore(glob) => Said::Out(
                glob.from()
                    .and_then(|from| from.to_str()?.parse().ok())
                    .unwrap_or(0),
            ),
        }
    }

    /// The line of this number, as written.
    pub(super) fn line(&self, number: u32) -> &str {
        (number as usize)
            .checked_sub(1)
            .and_then(|at| self.lines.get(at))
            .map_or("", |line| line.trim_end())
    }
}

/// The line in the words of the `ignore` crate; `None` if it says nothing.
fn rewrite(line: &str) -> Result<Option<String>, &'static str> {
    if line.starts_with('#') {
        return Ok(None);
    }
    let line = trim_spaces(line);
    let (mark, body) = match line.strip_prefix('!') {
        Some(body) => ("!", body),
        None => ("", line),
    };
    let (body, end) = match body.strip_suffix('/') {
        Some(body) => (body, "/"),
        None => (body, ""),
    };
    if body.is_empty() || body.bytes().all(|b| b == b'/') {
        return Ok(None);
    }
    let mut glob = String::with_capacity(line.len() + 8);
    glob.push_str(mark);
    if !body.contains('/') {
        // At any depth. The crate would not see it where brackets below name the separator.
        glob.push_str("**/");
    }
    let mut rest = body;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\\' => {
                let literal = after
                    .chars()
                    .next()
                    .ok_or("a \"\\\" at its end; write \"\\\\\" for the character")?;
                push_literal(&mut glob, literal);
                &after[literal.len_utf8()..]
            }
            '[' => {
                let (class, after) = Class::read(after)?;
                if !class.push(&mut glob) {
                    // Nothing is left to match, as in `[/]`.
                    return Ok(None);
                }
                after
            }
            '*' => {
                // Three stars and more are two, to git.
                let stars = rest.len() - rest.trim_start_matches('*').len();
                glob.push_str(if stars == 1 { "*" } else { "**" });
                &rest[stars..]
            }
            '?' | '/' => {
                glob.push(c);
                after
            }
            _ => {
                push_literal(&mut glob, c);
                after
            }
        };
    }
    glob.push_str(end);
    Ok(Some(glob))
}

/// Without the spaces at its end but one that is escaped. Other white space belongs to the pattern.
fn trim_spaces(line: &str) -> &str {
    let bytes = line.as_bytes();
    let (mut at, mut end) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => {
                at += 2;
                end = at.min(bytes.len());
            }
            b' ' => at += 1,
            _ => {
                at += 1;
                end = at;
            }
        }
    }
    // An escaped character may be longer than the one byte that was skipped.
    while !line.is_char_boundary(end) {
        end += 1;
    }
    &line[..end]
}

/// Pushes a character that stands for itself.
fn push_literal(glob: &mut String, c: char) {
    if c.is_whitespace() {
        // The crate trims white space at the end of a line; in brackets it is safe.
        glob.extend(['[', c, ']']);
    } else if c.is_ascii_punctuation() && c != '/' {
        glob.extend(['\\', c]);
    } else {
        glob.push(c);
    }
}

/// The characters in a pair of brackets. One that lies outside ASCII is held apart: the crate compares
/// bytes.
struct Class {
    negated: bool,
    ascii: u128,
    others: Vec<char>,
}

const OPEN: &str = "a \"[\" without its \"]\"; write \"\\[\" for the character";
const WIDE: &str = "a range or an exclusion in brackets with characters outside ASCII";

impl Class {
    /// Reads what follows a `[`, and gives what follows its `]`.
    fn read(text: &str) -> Result<(Self, &str), &'static str> {
        let mut class = Self {
            negated: false,
            ascii: 0,
            others: Vec::new(),
        };
        let mut rest = text;
        if let Some(after) = rest.strip_prefix(['!', '^']) {
            class.negated = true;
            rest = after;
        }
        let mut is_first = true;
        loop {
            if !is_first && let Some(after) = rest.strip_prefix(']') {
                if class.negated && !class.others.is_empty() {
                    return Err(WIDE);
                }
                return Ok((class, after));
            }
            is_first = false;
            if let Some(after) = rest.strip_prefix("[:") {
                let (name, after) = after.split_once(":]").ok_or(OPEN)?;
                class.ascii |= posix(name).ok_or("a [:class:] of a name that is not known")?;
                rest = after;
                continue;
            }
            let (from, after) = Self::member(rest)?;
            rest = after;
            let range = rest
                .strip_prefix('-')
                .filter(|after| !after.is_empty() && !after.starts_with(']'));
            match range {
                Some(after) => {
                    let (to, after) = Self::member(after)?;
                    rest = after;
                    if !from.is_ascii() || !to.is_ascii() {
                        return Err(WIDE);
                    }
                    if from > to {
                        return Err("a range in brackets that ends before it begins");
                    }
                    for c in from..=to {
                        class.ascii |= 1 << c as u32;
                    }
                }
                None if from.is_ascii() => class.ascii |= 1 << from as u32,
                None => class.others.push(from),
            }
        }
    }

    fn member(text: &str) -> Result<(char, &str), &'static str> {
        let text = text.strip_prefix('\\').unwrap_or(text);
        let c = text.chars().next().ok_or(OPEN)?;
        Ok((c, &text[c.len_utf8()..]))
    }

    /// Pushes the class as the crate reads it; `false` if it can match nothing.
    fn push(mut self, glob: &mut String) -> bool {
        // No bracket matches a separator.
        if self.negated {
            self.ascii |= 1 << b'/';
            glob.push_str("[!");
            self.push_members(glob);
            glob.push(']');
            return true;
        }
        self.ascii &= !(1 << b'/');
        let mut choices = Vec::new();
        // As the first in brackets they would negate.
        for c in ['!', '^'] {
            if self.ascii >> c as u32 & 1 == 1 {
                choices.push(format!("\\{c}"));
                self.ascii &= !(1 << c as u32);
            }
        }
        if self.ascii != 0 {
            let mut members = String::from("[");
            self.push_members(&mut members);
            members.push(']');
            choices.push(members);
        }
        choices.extend(self.others.iter().map(char::to_string));
        match choices.as_slice() {
            [] => return false,
            [one] => glob.push_str(one),
            several => {
                glob.push('{');
                glob.push_str(&several.join(","));
                glob.push('}');
            }
        }
        true
    }

    /// Pushes ranges: `]` is itself only as the first, `-` as the first or the last.
    fn push_members(&self, glob: &mut String) {
        let has = |c: char| self.ascii >> c as u32 & 1 == 1;
        if has(']') {
            glob.push(']');
        }
        let plain = |code: u8| !matches!(code, b']' | b'-') && has(code as char);
        let mut code = 0;
        while code < 128 {
            if plain(code) {
                let from = code;
                while code < 127 && plain(code + 1) {
                    code += 1;
                }
                glob.push(from as char);
                if code > from {
                    glob.extend(['-', code as char]);
                }
            }
            code += 1;
        }
        if has('-') {
            glob.push('-');
        }
    }
}

/// The ASCII characters of a POSIX class.
fn posix(name: &str) -> Option<u128> {
    let is: fn(&u8) -> bool = match name {
        "alnum" => u8::is_ascii_alphanumeric,
        "alpha" => u8::is_ascii_alphabetic,
        "blank" => |b| matches!(b, b' ' | b'\t'),
        "cntrl" => u8::is_ascii_control,
        "digit" => u8::is_ascii_digit,
        "graph" => u8::is_ascii_graphic,
        "lower" => u8::is_ascii_lowercase,
        "print" => |b| matches!(b, 0x20..=0x7E),
        "punct" => u8::is_ascii_punctuation,
        "space" => |b| matches!(b, b' ' | b'\t'..=b'\r'),
        "upper" => u8::is_ascii_uppercase,
        "xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    };
    Some((0..128).filter(is).fold(0, |bits, b| bits | 1 << b))
}
