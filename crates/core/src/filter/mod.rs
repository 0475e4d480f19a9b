//! Filters: what of a pair is left out (DESIGN 5.5).
//!
//! What decides, in this order, for each folder from the root down and then for the item itself:
//!
//! 1. Names that Tandem keeps for itself are out; `.tandemignore` files are in.
//! 2. Chosen subfolders: what is neither below one nor on the way to one is out.
//! 3. The pair's own patterns; a match without `!` is final.
//! 4. The `.tandemignore` files of either side, the nearest first, in each the last line that matches. One
//!    side's files do not bring back what the other's leave out.
//! 5. The default list and hidden files, unless 3 or 4 said `!`.
//! 6. For files: size and age.
//!
//! What lies below an excluded folder is excluded.

mod default_list;
mod pattern;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use default_list::is_junk;

use crate::entry::Kind;
use crate::guard::Digest;
use crate::path::{Name, RelPath};
use crate::side::Side;
use crate::time::Timestamp;
use pattern::{BadLine, Patterns, Said};

/// The name of the files that hold patterns.
pub const IGNORE_FILE: &str = ".tandemignore";

/// What a person chose to leave out of a pair, besides the `.tandemignore` files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FilterSpec {
    /// The pair's own patterns in gitignore syntax, from the root.
    pub patterns: Vec<String>,
    /// Whether names that begin with a full stop are carried.
    pub hidden: bool,
    /// Whether the default list holds.
    pub defaults: bool,
    /// Larger files are left out, in bytes.
    pub max_size: Option<u64>,
    /// Smaller files are left out, in bytes.
    pub min_size: Option<u64>,
    /// Files changed longer ago are left out, in seconds.
    pub max_age: Option<u64>,
    /// Files changed more recently are left out, in seconds.
    pub min_age: Option<u64>,
    /// The subfolders to carry; all, if it is empty.
    pub chosen: Vec<RelPath>,
}

impl Default for FilterSpec {
    fn default() -> Self {
        Self {
            patterns: Vec::new(),
            hidden: true,
            defaults: true,
            max_size: None,
            min_size: None,
            max_age: None,
            min_age: None,
            chosen: Vec::new(),
        }
    }
}

/// The text of one `.tandemignore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreFile {
    /// The side it lies on.
    pub side: Side,
    /// The folder it lies in.
    pub folder: RelPath,
    /// What it says.
    pub text: String,
}

/// A pattern that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct FilterError {
    /// The side and folder of the `.tandemignore`; `None` for the pair's own patterns.
    pub file: Option<(Side, RelPath)>,
    /// The line in it, or which of the pair's patterns, from 1 on; 0 if it is all of them together.
    pub line: u32,
    /// The pattern.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            text,
            why,
        } = self;
        match file {
            Some((side, folder)) => {
                write!(f, "{} on the {side}, line {line}", ignore_path(folder))?;
            }
            None => write!(f, "pattern {line}")?,
        }
        write!(f, ": {text:?} cannot be read: {why}")
    }
}

/// Which rule left an item out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "rule")]
pub enum Rule {
    /// Tandem keeps the name for itself.
    Reserved,
    /// Subfolders were chosen, and it lies in none of them.
    NotChosen,
    /// One of the pair's own patterns.
    Pattern {
        /// Which one, from 1 on.
        line: u32,
        /// The pattern.
        pattern: String,
    },
    /// A line of a `.tandemignore`.
    IgnoreFile {
        /// The side it lies on.
        side: Side,
        /// The folder it lies in.
        folder: RelPath,
        /// The line, from 1 on.
        line: u32,
        /// The pattern.
        pattern: String,
    },
    /// The default list.
    DefaultList {
        /// The pattern in the list.
        pattern: &'static str,
    },
    /// Its name begins with a full stop, and hidden files are not carried.
    Hidden,
    /// It is larger than files may be.
    TooLarge {
        /// The largest size carried, in bytes.
        max_size: u64,
    },
    /// It is smaller than files may be.
    TooSmall {
        /// The smallest size carried, in bytes.
        min_size: u64,
    },
    /// It was changed longer ago than files may be.
    TooOld {
        /// The greatest age carried, in seconds.
        max_age: u64,
    },
    /// It was changed more recently than files may be.
    TooYoung {
        /// The smallest age carried, in seconds.
        min_age: u64,
    },
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserved => f.write_str("reserved"),
            Self::NotChosen => f.write_str("not_chosen"),
            Self::Pattern { line, pattern } => write!(f, "pattern:{line} {pattern}"),
            Self::IgnoreFile {
                folder,
                line,
                pattern,
                ..
            } => write!(f, "{}:{line} {pattern}", ignore_path(folder)),
            Self::DefaultList { pattern } => write!(f, "default_list {}", pattern.escape_debug()),
            Self::Hidden => f.write_str("hidden"),
            Self::TooLarge { max_size } => write!(f, "max_size {max_size}"),
            Self::TooSmall { min_size } => write!(f, "min_size {min_size}"),
            Self::TooOld { max_age } => write!(f, "max_age {max_age}"),
            Self::TooYoung { min_age } => write!(f, "min_age {min_age}"),
        }
    }
}

fn ignore_path(folder: &RelPath) -> String {
    if folder.is_root() {
        IGNORE_FILE.to_owned()
    } else {
        format!("{folder}/{IGNORE_FILE}")
    }
}

/// Whether an item is carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Included,
    /// It is not.
    Excluded {
        /// Which rule decided.
        rule: Rule,
        /// The folder above it that the rule left out; `None` if the rule means the item itself.
        through: Option<RelPath>,
    },
}

impl Verdict {
    /// Whether the item is carried.
    #[must_use]
    pub const fn is_included(&self) -> bool {
        matches!(self, Self::Included)
    }
}

/// The `.tandemignore` files of one side, or of both where they are the same.
#[derive(Debug, Clone)]
struct Chain {
    side: Side,
    files: BTreeMap<RelPath, Patterns>,
}

/// A filter ready for use.
#[derive(Debug, Clone)]
pub struct Filter {
    spec: FilterSpec,
    patterns: Patterns,
    chains: Vec<Chain>,
    digest: u64,
}

impl Filter {
    /// Compiles `spec` and the `.tandemignore` files of both sides. Of two texts for one file the later
    /// one counts.
    ///
    /// # Errors
    /// The first pattern that cannot be read.
    pub fn new(
        spec: FilterSpec,
        ignore_files: impl IntoIterator<Item = IgnoreFile>,
    ) -> Result<Self, FilterError> {
        let mut texts: BTreeMap<Side, BTreeMap<RelPath, String>> = BTreeMap::new();
        for file in ignore_files {
            texts
                .entry(file.side)
                .or_default()
                .insert(file.folder, file.text);
        }
        let digest = digest(&spec, &texts);
        let patterns = Patterns::read(spec.patterns.iter().map(String::as_str))
            .map_err(|bad| FilterError::of(None, bad))?;
        // In step both sides say the same, and saying it once is enough. A side without files says what
        // the default list says, which a `!` of the other side must not override.
        let same = texts.get(&Side::Source) == texts.get(&Side::Destination);
        let sides = if same { &Side::BOTH[..1] } else { &Side::BOTH };
        let mut chains = Vec::with_capacity(sides.len());
        for &side in sides {
            let mut files = BTreeMap::new();
            for (folder, text) in texts.remove(&side).unwrap_or_default() {
                let patterns = Patterns::read(text.split('\n'))
                    .map_err(|bad| FilterError::of(Some((side, folder.clone())), bad))?;
                if !patterns.is_empty() {
                    files.insert(folder, patterns);
                }
            }
            chains.push(Chain { side, files });
        }
        Ok(Self {
            spec,
            patterns,
            chains,
            digest,
        })
    }

    /// The settings it was made of.
    #[must_use]
    pub const fn spec(&self) -> &FilterSpec {
        &self.spec
    }

    /// Stays the same as long as settings, `.tandemignore` files and default list do: a filter of another
    /// digest is a planned migration.
    #[must_use]
    pub const fn digest(&self) -> u64 {
        self.digest
    }

    /// Whether what it says of a file changes as time goes by.
    #[must_use]
    pub const fn depends_on_time(&self) -> bool {
        self.spec.max_age.is_some() || self.spec.min_age.is_some()
    }

    /// What it says of `path`. `size` and `mtime` count for files only; where one is not known, its
    /// limits do not hold. The root is always included.
    #[must_use]
    pub fn verdict(
        &self,
        path: &RelPath,
        kind: Kind,
        size: Option<u64>,
        mtime: Option<Timestamp>,
        now: Timestamp,
    ) -> Verdict {
        let mut folder = RelPath::root();
        let mut names = path.names().peekable();
        while let Some(name) = names.next() {
            let scope = self.within(&folder);
            if names.peek().is_none() {
                return scope.verdict(&name, kind, size, mtime, now);
            }
            let above = folder.join(&name);
            if let Some(rule) = scope.rule(&name, Kind::Folder, None, None, now) {
                return Verdict::Excluded {
                    rule,
                    through: Some(above),
                };
            }
            folder = above;
        }
        Verdict::Included
    }

    /// The filter for the children of `folder`, which is known to be included. Made once for a folder,
    /// asked once for each child, it looks at no parent again.
    #[must_use]
    pub fn within(&self, folder: &RelPath) -> InFolder<'_> {
        let mut files = Vec::new();
        for (chain, at) in self.chains.iter().zip(0..) {
            if chain.files.is_empty() {
                continue;
            }
            let mut above = Some(folder.clone());
            while let Some(here) = above {
                if let Some((folder, patterns)) = chain.files.get_key_value(&here) {
                    files.push(InForce {
                        chain: at,
                        folder,
                        patterns,
                    });
                }
                above = here.parent();
            }
        }
        let is_chosen = self.spec.chosen.is_empty()
            || self
                .spec
                .chosen
                .iter()
                .any(|chosen| folder.is_within(chosen));
        let mut ways = Vec::new();
        if !is_chosen {
            for below in self.spec.chosen.iter().filter_map(|c| c.below(folder)) {
                ways.extend(below.names().next().map(|name| (name, below.depth() == 1)));
            }
        }
        InFolder {
            filter: self,
            folder: folder.clone(),
            files,
            is_chosen,
            ways,
        }
    }
}

/// A `.tandemignore` that has a say in a folder.
#[derive(Debug, Clone)]
struct InForce<'a> {
    /// Which of the filter's chains it belongs to.
    chain: usize,
    /// Where it lies.
    folder: &'a RelPath,
    patterns: &'a Patterns,
}

/// A filter for the children of one folder.
#[derive(Debug, Clone)]
pub struct InFolder<'a> {
    filter: &'a Filter,
    folder: RelPath,
    /// By chain, in each the nearest first.
    files: Vec<InForce<'a>>,
    /// Whether everything here lies within what was chosen.
    is_chosen: bool,
    /// Else: the children that are chosen (`true`) or on the way to what is.
    ways: Vec<(Name, bool)>,
}

impl InFolder<'_> {
    /// What the filter says of the child `name`; see [`Filter::verdict`].
    #[must_use]
    pub fn verdict(
        &self,
        name: &Name,
        kind: Kind,
        size: Option<u64>,
        mtime: Option<Timestamp>,
        now: Timestamp,
    ) -> Verdict {
        self.rule(name, kind, size, mtime, now)
            .map_or(Verdict::Included, |rule| Verdict::Excluded {
                rule,
                through: None,
            })
    }

    fn rule(
        &self,
        name: &Name,
        kind: Kind,
        size: Option<u64>,
        mtime: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Rule> {
        let text = name.as_str();
        let is_dotted = text.starts_with('.');
        if is_dotted && name.is_reserved() {
            return Some(Rule::Reserved);
        }
        if kind == Kind::File && text == IGNORE_FILE {
            return None;
        }
        if !self.is_chosen && !self.is_on_the_way(name, kind) {
            return Some(Rule::NotChosen);
        }
        let is_kept = match self.patterns(name, kind == Kind::Folder) {
            Ok(is_kept) => is_kept,
            Err(rule) => return Some(rule),
        };
        let spec = &self.filter.spec;
        if !is_kept {
            if spec.defaults
                && let Some(line) = default_list::find(text, kind)
            {
                return Some(Rule::DefaultList {
                    pattern: line.pattern,
                });
            }
            if is_dotted && !spec.hidden {
                return Some(Rule::Hidden);
            }
        }
        if kind == Kind::File {
            spec.size_rule(size).or_else(|| spec.age_rule(mtime, now))
        } else {
            None
        }
    }

    fn is_on_the_way(&self, name: &Name, kind: Kind) -> bool {
        self.ways
            .iter()
            .any(|(way, is_end)| way == name && (*is_end || kind == Kind::Folder))
    }

    /// Whether a pattern keeps the child (`!`), or which one leaves it out.
    fn patterns(&self, name: &Name, is_folder: bool) -> Result<bool, Rule> {
        let filter = self.filter;
        if filter.patterns.is_empty() && self.files.is_empty() {
            return Ok(false);
        }
        let path = self.folder.join(name);
        let path = path.as_str();
        let mut is_kept = match filter.patterns.say(path, is_folder) {
            Said::Out(line) => {
                return Err(Rule::Pattern {
                    line,
                    pattern: filter.patterns.line(line).to_owned(),
                });
            }
            said => said == Said::In,
        };
        let mut kept_by = 0;
        let mut settled = None;
        for file in &self.files {
            if settled == Some(file.chain) {
                continue;
            }
            let from = file.folder.as_str().len() + usize::from(!file.folder.is_root());
            match file.patterns.say(&path[from..], is_folder) {
                Said::Nothing => {}
                Said::In => {
                    settled = Some(file.chain);
                    kept_by += 1;
                }
                Said::Out(line) => {
                    return Err(Rule::IgnoreFile {
                        side: filter.chains[file.chain].side,
                        folder: file.folder.clone(),
                        line,
                        pattern: file.patterns.line(line).to_owned(),
                    });
                }
            }
        }
        is_kept |= kept_by == filter.chains.len();
        Ok(is_kept)
    }
}

impl FilterSpec {
    fn size_rule(&self, size: Option<u64>) -> Option<Rule> {
        let size = size?;
        match (self.max_size, self.min_size) {
            (Some(max_size), _) if size > max_size => Some(Rule::TooLarge { max_size }),
            (_, Some(min_size)) if size < min_size => Some(Rule::TooSmall { min_size }),
            _ => None,
        }
    }

    fn age_rule(&self, mtime: Option<Timestamp>, now: Timestamp) -> Option<Rule> {
        if self.max_age.is_none() && self.min_age.is_none() {
            return None;
        }
        // What claims to come from the future is young.
        let age = u64::try_from(now.secs().saturating_sub(mtime?.secs())).unwrap_or(0);
        match (self.max_age, self.min_age) {
            (Some(max_age), _) if age > max_age => Some(Rule::TooOld { max_age }),
            (_, Some(min_age)) if age < min_age => Some(Rule::TooYoung { min_age }),
            _ => None,
        }
    }
}

impl FilterError {
    fn of(file: Option<(Side, RelPath)>, bad: BadLine) -> Self {
        Self {
            file,
            line: bad.line,
            text: bad.text,
            why: bad.why,
        }
    }
}

/// Over everything that decides, each part with its length.
fn digest(spec: &FilterSpec, texts: &BTreeMap<Side, BTreeMap<RelPath, String>>) -> u64 {
    let option = |digest: Digest, value: Option<u64>| match value {
        Some(value) => digest.number(1).number(value),
        None => digest.number(0),
    };
    let list = |digest: Digest, items: &mut dyn Iterator<Item = &str>| {
        let items: Vec<&str> = items.collect();
        items
            .iter()
            .fold(digest.number(items.len() as u64), |d, item| d.text(item))
    };
    let mut digest = Digest::new()
        .number(u64::from(spec.hidden))
        .number(u64::from(spec.defaults));
    for limit in [spec.max_size, spec.min_size, spec.max_age, spec.min_age] {
        digest = option(digest, limit);
    }
    digest = list(digest, &mut spec.patterns.iter().map(String::as_str));
    // The order in which subfolders were chosen does not matter.
    let mut chosen: Vec<&str> = spec.chosen.iter().map(RelPath::as_str).collect();
    chosen.sort_unstable();
    chosen.dedup();
    digest = list(digest, &mut chosen.into_iter());
    if spec.defaults {
        let patterns: Vec<String> = default_list::patterns().collect();
        digest = list(digest, &mut patterns.iter().map(String::as_str));
    }
    for side in Side::BOTH {
        let files = texts.get(&side).into_iter().flatten();
        digest = list(
            digest,
            &mut files.flat_map(|(folder, text)| [folder.as_str(), text.as_str()]),
        );
    }
    digest.value()
}
