//! Reads a case as it is written down.

use std::str::FromStr;

use tandem_core::capabilities::Ids;
use tandem_core::entry::HashKind;
use tandem_core::path::RelPath;
use tandem_core::policy::{Policy, UnknownChoice};
use tandem_core::side::{PerSide, Side};

use super::case::{Case, Event, Step};
use super::people::Edit;
use super::traits::Traits;
use crate::sim::{FolderRevisions, RevisionStyle};

/// Why text is not a case: the line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableLine(pub String);

impl FromStr for Case {
    type Err = UnreadableLine;

    fn from_str(text: &str) -> Result<Self, UnreadableLine> {
        let mut case = Self {
            traits: PerSide::new(Traits::PLAIN, Traits::PLAIN),
            policy: Policy::default(),
            keeps_versions: true,
            base: Vec::new(),
            steps: Vec::new(),
            order: 0,
        };
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
            read_line(&mut case, line).ok_or_else(|| UnreadableLine(line.to_owned()))?;
        }
        Ok(case)
    }
}

fn read_line(case: &mut Case, line: &str) -> Option<()> {
    let (first, rest) = line.split_once(' ')?;
    match first {
        "source:" => case.traits.source = read_traits(rest)?,
        "destination:" => case.traits.destination = read_traits(rest)?,
        "policy:" => case.policy = read_policy(rest).ok()?,
        "versions:" => case.keeps_versions = rest.parse().ok()?,
        "order:" => case.order = rest.parse().ok()?,
        "base" => case.base.push(read_edit(&words(rest)?)?),
        tick => case
            .steps
            .push(read_step(tick.parse().ok()?, &words(rest)?)?),
    }
    Some(())
}

fn read_policy(text: &str) -> Result<Policy, UnknownChoice> {
    let mut words = text.split(' ');
    let mut next = || words.next().unwrap_or_default();
    Ok(Policy {
        mode: next().parse()?,
        compare: next().parse()?,
        first_sync: next().parse()?,
        conflict: next().parse()?,
    })
}

fn read_traits(text: &str) -> Option<Traits> {
    let mut traits = Traits::PLAIN;
    for word in text.split_whitespace() {
        let (name, value) = word.split_once('=')?;
        match name {
            "ids" => traits.ids = named(&[Ids::None, Ids::Hint, Ids::Strong], value)?,
            "revisions" => {
                traits.revisions = named(
                    &[
                        RevisionStyle::Counter,
                        RevisionStyle::ContentCounter,
                        RevisionStyle::ContentHash,
                        RevisionStyle::Fingerprint,
                    ],
                    value,
                )?;
            }
            "folder_revisions" => {
                traits.folder_revisions = named(
                    &[
                        FolderRevisions::None,
                        FolderRevisions::Own,
                        FolderRevisions::Children,
                    ],
                    value,
                )?;
            }
            "hash" if value == "None" => traits.hash = None,
            "hash" => {
                let kinds = [HashKind::Blake3, HashKind::Md5, HashKind::Sha256];
                traits.hash = Some(named(&kinds, value)?);
            }
            name => traits.switch(name, value.parse().ok()?)?,
        }
    }
    Some(traits)
}

fn named<T: Copy + std::fmt::Debug>(all: &[T], name: &str) -> Option<T> {
    all.iter().copied().find(|one| format!("{one:?}") == name)
}

fn read_step(tick: u32, words: &[String]) -> Option<Step> {
    let side = match words.first()?.as_str() {
        "source" => Side::Source,
        "destination" => Side::Destination,
        _ => return None,
    };
    let event = match words.get(1)?.as_str() {
        "unreadable" => Event::Unreadable(RelPath::new(words.get(2)?).ok()?),
        "filter" => Event::Filter(words.get(2)?.clone()),
        _ => Event::Edit(read_edit(&words[1..])?),
    };
    Some(Step { tick, side, event })
}

fn read_edit(words: &[String]) -> Option<Edit> {
    let path = |at: usize| RelPath::new(words.get(at)?).ok();
    let number = |at: usize| words.get(at)?.parse::<u32>().ok();
    let age = |at: usize| {
        words
            .get(at)
            .map_or(Some(0), |word| word.parse::<u8>().ok())
    };
    Some(match words.first()?.as_str() {
        "write" => Edit::Write(path(1)?, number(2)?, age(3)?),
        "save" => Edit::Save(path(1)?, number(2)?),
        "touch" => Edit::Touch(path(1)?, age(2)?),
        "flip" => Edit::Flip(path(1)?),
        "delete" => Edit::Delete(path(1)?),
        "folder" => Edit::Folder(path(1)?),
        "move" => Edit::Move(path(1)?, path(2)?),
        "copy" => Edit::Copy(path(1)?, path(2)?),
        "swap" => Edit::Swap(path(1)?, path(2)?),
        "link" => Edit::Link(path(1)?, number(2)?),
        "opaque" => Edit::Opaque(path(1)?),
        _ => return None,
    })
}

/// Words and quoted texts, the latter without quotes and with `\u{..}` resolved.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let mut word = String::new();
        match c {
            ' ' => continue,
            '"' => loop {
                match chars.next()? {
                    '"' => break,
                    '\\' => word.push(escaped(&mut chars)?),
                    c => word.push(c),
                }
            },
            c => {
                word.push(c);
                while let Some(c) = chars.next_if(|c| *c != ' ') {
                    word.push(c);
                }
            }
        }
        words.push(word);
    }
    Some(words)
}

fn escaped(chars: &mut impl Iterator<Item = char>) -> Option<char> {
    match chars.next()? {
        'u' => {
            let digits: String = chars.skip(1).take_while(|c| *c != '}').collect();
            char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
        }
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::run_seed;

    #[test]
    fn a_case_is_read_as_it_was_written() {
        for seed in 0..40 {
            let (_, case) = run_seed(seed);
            assert_eq!(case.to_string().parse::<Case>(), Ok(case));
        }
    }
}
