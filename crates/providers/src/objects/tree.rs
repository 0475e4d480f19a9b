//! Putting folders together from keys.
//!
//! Keys arrive in an order in which all keys of one folder follow each other: byte order has this property, and so
//! has a walk through folders. A folder is told when the keys leave it. Keys that come back to a folder that was
//! left, or come twice, are a listing that runs in circles or cannot be trusted; it ends with an error, and nothing
//! is concluded from it (P10).

use std::collections::HashSet;

use tandem_core::entry::{Entry, Kind};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{FolderListing, Skip, Skipped};

use super::follow::MOST_HELD;

/// A folder that keys are still coming for.
#[derive(Debug)]
struct Open {
    listing: FolderListing,
    folders: HashSet<Name>,
    has_marker: bool,
}

impl Open {
    fn new(folder: RelPath) -> Self {
        let listing = FolderListing {
            folder,
            entries: Vec::new(),
            skipped: Vec::new(),
        };
        Self {
            listing,
            folders: HashSet::new(),
            has_marker: false,
        }
    }

    fn add_folder(&mut self, name: Name) -> Result<()> {
        if !self.folders.insert(name.clone()) {
            return Err(bad(format!(
                "the keys of {:?} come back to {name:?}",
                self.listing.folder
            )));
        }
        self.listing.entries.push(Entry::folder(name));
        Ok(())
    }

    /// One line for one bad name, however many keys lie below it.
    fn skip(&mut self, shown: String, why: Skip) {
        let skipped = Skipped {
            folder: self.listing.folder.clone(),
            shown,
            why,
        };
        if self.listing.skipped.last() != Some(&skipped) {
            self.listing.skipped.push(skipped);
        }
    }

    fn finish(mut self) -> Result<Finished> {
        let mut files = HashSet::new();
        let mut kept = Vec::with_capacity(self.listing.entries.len());
        for entry in std::mem::take(&mut self.listing.entries) {
            if entry.kind == Kind::File {
                if !files.insert(entry.name.clone()) {
                    return Err(bad(format!(
                        "the key of {:?} comes twice",
                        self.listing.folder.join(&entry.name)
                    )));
                }
                if self.folders.contains(&entry.name) {
                    self.skip(entry.name.to_string(), Skip::ShadowedByFolder);
                    continue;
                }
            }
            kept.push(entry);
        }
        self.listing.entries = kept;
        Ok(Finished {
            listing: self.listing,
            has_marker: self.has_marker,
        })
    }
}

/// A folder that is complete.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) listing: FolderListing,
    pub(super) has_marker: bool,
}

/// Puts folders together.
#[derive(Debug)]
pub(super) struct Assembler {
    /// From the listed folder down to the one that the last key lay in.
    open: Vec<Open>,
    finished: Vec<Finished>,
    /// Whether any key came at all.
    seen: bool,
    /// How many names the open folders may have.
    most: usize,
    /// The longest key that a request can name, in bytes.
    longest: usize,
}

impl Assembler {
    /// For everything below `folder`.
    pub(super) fn new(folder: RelPath, longest: usize) -> Self {
        Self {
            open: vec![Open::new(folder)],
            finished: Vec::new(),
            seen: false,
            most: MOST_HELD,
            longest,
        }
    }

    /// Whether any key came.
    pub(super) const fn has_seen_keys(&self) -> bool {
        self.seen
    }

    /// The folders that became complete since the last call.
    pub(super) fn take_finished(&mut self) -> Vec<Finished> {
        std::mem::take(&mut self.finished)
    }

    /// An object. `below` is its key without the prefix of the listed folder; `entry` is it under a given name.
    pub(super) fn object(
        &mut self,
        below: &[u8],
        size: u64,
        entry: impl FnOnce(Name) -> Entry,
    ) -> Result<()> {
        self.seen = true;
        self.check_held()?;
        // No request can name what is longer, and to follow it down would cost without end.
        let is_cut = below.len() > self.longest;
        let below = &below[..below.len().min(self.longest)];
        let mut segments = below.split(|byte| *byte == b'/');
        let last = segments.next_back().unwrap_or_default();
        let mut folders = Vec::new();
        for segment in segments {
            match read_name(segment) {
                Ok(name) if name.is_reserved() => {
                    self.enter(&folders)?;
                    return Ok(());
                }
                Ok(name) => folders.push(name),
                Err((shown, why)) => {
                    self.enter(&folders)?.skip(shown, why);
                    return Ok(());
                }
            }
        }
        let open = self.enter(&folders)?;
        if is_cut {
            open.skip(shown_cut(last), Skip::BadName);
            return Ok(());
        }
        if last.is_empty() {
            if size == 0 {
                open.has_marker = true;
            } else {
                open.skip("/".to_owned(), Skip::BadName);
            }
            return Ok(());
        }
        match read_name(last) {
            Ok(name) if name.is_reserved() => {}
            Ok(name) => open.listing.entries.push(entry(name)),
            Err((shown, why)) => open.skip(shown, why),
        }
        Ok(())
    }

    /// A folder among the children that a listing with a delimiter names; `below` ends in `/`.
    pub(super) fn child_folder(&mut self, below: &[u8]) -> Result<()> {
        self.seen = true;
        self.check_held()?;
        let longest = self.longest;
        let open = self.enter(&[])?;
        if below.len() > longest {
            open.skip(shown_cut(&below[..longest]), Skip::BadName);
            return Ok(());
        }
        match read_name(below.strip_suffix(b"/").unwrap_or(below)) {
            Ok(name) if name.is_reserved() => Ok(()),
            Ok(name) => open.add_folder(name),
            Err((shown, why)) => {
                open.skip(shown, why);
                Ok(())
            }
        }
    }

    /// The listing is over: every folder is complete, the listed one last.
    pub(super) fn finish(mut self) -> Result<Vec<Finished>> {
        while let Some(open) = self.open.pop() {
            self.finished.push(open.finish()?);
        }
        Ok(self.finished)
    }

    /// That the folders which keys still come for can be held.
    fn check_held(&self) -> Result<()> {
        let names = |open: &Open| open.listing.entries.len() + open.listing.skipped.len();
        let held: usize = self.open.iter().map(names).sum();
        if held >= self.most {
            return Err(bad(format!("more than {} names in one folder", self.most)));
        }
        Ok(())
    }

    /// Leaves the folders that the keys have left and enters `folders`, counted from the listed one.
    fn enter(&mut self, folders: &[Name]) -> Result<&mut Open> {
        let same = self.open[1..]
            .iter()
            .zip(folders)
            .take_while(|(open, name)| open.listing.folder.name().as_ref() == Some(*name))
            .count();
        while self.open.len() > same + 1 {
            if let Some(open) = self.open.pop() {
                self.finished.push(open.finish()?);
            }
        }
        for name in &folders[same..] {
            let parent = self.top();
            parent.add_folder(name.clone())?;
            let folder = parent.listing.folder.join(name);
            self.open.push(Open::new(folder));
        }
        Ok(self.top())
    }

    #[expect(
        clippy::expect_used,
        reason = "the listed folder stays open until `finish` takes the assembler"
    )]
    fn top(&mut self) -> &mut Open {
        self.open.last_mut().expect("the listed folder is open")
    }
}

/// A segment of a key as a name; else how it is shown and why it is none.
fn read_name(segment: &[u8]) -> std::result::Result<Name, (String, Skip)> {
    let Ok(text) = std::str::from_utf8(segment) else {
        return Err((
            String::from_utf8_lossy(segment).into_owned(),
            Skip::NotUnicode,
        ));
    };
    Name::new(text).map_err(|_| {
        // The empty name would read as the folder itself.
        let shown = if text.is_empty() {
            "/".to_owned()
        } else {
            text.replace('\0', "\u{FFFD}")
        };
        (shown, Skip::BadName)
    })
}

/// The end of a key that was cut off.
fn shown_cut(last: &[u8]) -> String {
    let text = String::from_utf8_lossy(last).replace('\0', "\u{FFFD}");
    text.trim_end_matches('\u{FFFD}').to_owned() + "…"
}

fn bad(detail: String) -> StorageError {
    StorageError::new("list", Cause::BadResponse, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST_KEY: usize = 1_024;

    fn assemble(keys: &[&[u8]]) -> Result<Vec<Finished>> {
        let mut assembler = Assembler::new(RelPath::root(), LONGEST_KEY);
        for key in keys {
            let size = u64::from(!key.ends_with(b"/"));
            assembler.object(key, size, |name| Entry {
                kind: Kind::File,
                size,
                ..Entry::folder(name)
            })?;
        }
        assembler.finish()
    }

    fn shown(finished: &[Finished]) -> Vec<String> {
        finished
            .iter()
            .map(|one| {
                let names = one.listing.entries.iter().map(|entry| match entry.kind {
                    Kind::Folder => format!("{}/", entry.name),
                    _ => entry.name.to_string(),
                });
                let skipped = one.listing.skipped.iter().map(|s| format!("!{}", s.shown));
                let all: Vec<_> = names.chain(skipped).collect();
                format!("{}: {}", one.listing.folder, all.join(" "))
            })
            .collect()
    }

    #[test]
    fn folders_are_told_when_the_keys_leave_them_and_the_root_last() {
        // Byte order: `a.txt` and `a!` stand between the object `a` and what lies in the folder `a`.
        let keys: [&[u8]; 6] = [b"a!", b"a.txt", b"a/b/c", b"a/b.txt", b"e/", b"z"];
        let told = shown(&assemble(&keys).unwrap());
        assert_eq!(told, ["a/b: c", "a: b/ b.txt", "e: ", ": a! a.txt a/ e/ z"]);
    }

    #[test]
    fn an_object_beside_a_folder_of_its_name_is_left_alone() {
        let told = shown(&assemble(&[b"k", b"k-", b"k/x"]).unwrap());
        assert_eq!(told, ["k: x", ": k- k/ !k"]);
    }

    #[test]
    fn names_that_are_none_are_skipped_and_never_absent() {
        let keys: [&[u8]; 8] = [
            b"../x",
            b"./y",
            b"//z",
            b"a//b",
            b"a//c",
            b"a/\xff",
            b".tandem/root",
            b".tandemignore",
        ];
        let told = shown(&assemble(&keys).unwrap());
        assert_eq!(told, ["a: !/ !\u{FFFD}", ": a/ .tandemignore !.. !. !/"]);
    }

    #[test]
    fn what_is_too_long_to_be_asked_for_is_skipped_where_it_lies() {
        let (deep, long) = ("a/".repeat(600), format!("b/{}", "n".repeat(2_000)));
        let finished = assemble(&[deep.as_bytes(), long.as_bytes(), b"c"]).unwrap();
        let skipped: Vec<_> = finished.iter().flat_map(|f| &f.listing.skipped).collect();
        assert_eq!(skipped.len(), 2);
        assert_eq!(skipped[0].folder.as_str().len(), LONGEST_KEY - 1);
        assert_eq!(skipped[1].folder.as_str(), "b");
        assert_eq!(skipped[1].shown.len(), LONGEST_KEY - 2 + "…".len());
        let mut assembler = Assembler::new(RelPath::root(), LONGEST_KEY);
        assembler.child_folder(&[b'n'; 2_000]).unwrap();
        assert_eq!(assembler.finish().unwrap()[0].listing.skipped.len(), 1);
    }

    #[test]
    fn a_folder_without_an_end_is_no_listing() {
        let mut assembler = Assembler::new(RelPath::root(), LONGEST_KEY);
        assembler.most = 100;
        let more = |assembler: &mut Assembler, key: String| {
            assembler.object(key.as_bytes(), 1, |name| Entry {
                kind: Kind::File,
                ..Entry::folder(name)
            })
        };
        // What is complete is handed on, and held no longer.
        for n in 0..1_000 {
            let key = format!("{:02}/{:02}", n / 50, n % 50);
            more(&mut assembler, key).unwrap();
        }
        let mut assembler = Assembler::new(RelPath::root(), LONGEST_KEY);
        assembler.most = 100;
        // The folder's own name is one of the hundred.
        for n in 0..99 {
            more(&mut assembler, format!("folder/{n:04}")).unwrap();
        }
        let error = more(&mut assembler, "folder/more".to_owned()).unwrap_err();
        assert_eq!(error.cause, Cause::BadResponse);
    }

    #[test]
    fn keys_that_run_in_circles_are_no_listing() {
        let cases: [&[&[u8]]; 3] = [
            &[b"a/x", b"b", b"a/y"],
            &[b"a", b"a"],
            &[b"a/x", b"b/y", b"a/x", b"b/y"],
        ];
        for keys in cases {
            assert_eq!(assemble(keys).unwrap_err().cause, Cause::BadResponse);
        }
    }
}
