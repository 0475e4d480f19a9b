//! Fuzz targets: a decoder of foreign data, and what must hold of whatever it is given.
//!
//! A target is a test. In an ordinary run it sees its corpus, inputs made out of that, and some made by chance alone;
//! `./dev fuzz` builds the same test for libFuzzer, which looks for inputs that reach new code. The corpus of the
//! target `name` lies beside the file that holds the test, in `__fuzz__/name/corpus`; an input that once failed stays
//! there.

use std::path::{Path, PathBuf};

#[doc(hidden)]
pub use bolero;

use crate::seed::Rng;

/// How many inputs an ordinary run makes out of the corpus, where a target does not say.
pub const MADE: u64 = 3_000;

/// The longest input that is made, in bytes.
pub const LONGEST: usize = 4_096;

/// What decoders treat apart from other bytes.
const TOKENS: &[&[u8]] = &[
    b"..",
    b"/",
    b"//",
    b"../",
    b"\0",
    b"\\",
    b"%2e%2e%2f",
    b"%00",
    b".tandem",
    b".tandemignore",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xe2\x80\x9b",
    b"\xef\xbc\x8e",
    b"\xe2\x90\xa0",
    b"\xef\xbc\x8f",
    b"\xed\xa0\x80",
    b"\r\n",
    b"\n",
    b" ",
    b"-1",
    b"0",
    b"9223372036854775807",
    b"18446744073709551616",
    b"1e400",
    b"null",
    b"{}",
    b"[[[[[[[[",
    b"\"",
    b"<a>",
    b"</a>",
    b"&#0;",
    b"&amp;",
    b"\xff\xff\xff\xff\x0f",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
];

/// A fuzz target in a test: its name, which is that of its corpus, and what holds of every input. `made` is how many
/// inputs an ordinary run makes out of the corpus, if an input takes long; a tenth of that is made by chance alone.
///
/// ```ignore
/// #[test]
/// fn no_path_leaves_the_root() {
///     tandem_testkit::fuzz!("path", |input: &[u8]| { /* ... */ });
/// }
/// ```
#[macro_export]
macro_rules! fuzz {
    ($name:literal, $target:expr) => {
        $crate::fuzz!($name, made = $crate::fuzzing::MADE, $target)
    };
    ($name:literal, made = $made:expr, $target:expr) => {{
        let corpus = $crate::fuzzing::corpus(file!(), $name);
        $crate::fuzzing::run_made(&corpus, $made, $target);
        $crate::fuzzing::bolero::check!(name = $name)
            .with_iterations($made as usize / 10)
            .with_max_len($crate::fuzzing::LONGEST)
            .for_each($target)
    }};
}

/// The folder of a target's corpus, from the test's file, which is named from the folder of the crate or of the
/// workspace. It runs in one of the two.
///
/// # Panics
/// If the file is not there.
#[must_use]
pub fn corpus(file: &str, name: &str) -> PathBuf {
    let here = std::env::current_dir().expect("a test runs somewhere");
    let file = here
        .ancestors()
        .find_map(|folder| Some(folder.join(file)).filter(|path| path.exists()))
        .unwrap_or_else(|| panic!("{file} is nowhere above {}", here.display()));
    file.with_file_name("__fuzz__").join(name).join("corpus")
}

/// Runs `target` over so many inputs that are made out of a corpus. libFuzzer makes its own.
///
/// # Panics
/// If there is no corpus; if the target does, after the input was printed.
pub fn run_made(corpus: &Path, made: u64, target: impl Fn(&[u8])) {
    if cfg!(fuzzing) {
        return;
    }
    let corpus = read(corpus);
    for seed in 0..made {
        let input = input(&corpus, seed);
        let shown = Shown(&input);
        target(&input);
        drop(shown);
    }
}

/// Prints the input in whose run the test fails.
struct Shown<'a>(&'a [u8]);

impl Drop for Shown<'_> {
    #[allow(clippy::print_stderr, reason = "it is what a failed test is for")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input: b\"{}\"", self.0.escape_ascii());
        }
    }
}

fn read(corpus: &Path) -> Vec<Vec<u8>> {
    let all = || -> std::io::Result<Vec<Vec<u8>>> {
        let files: std::io::Result<Vec<_>> = std::fs::read_dir(corpus)?.collect();
        let mut paths: Vec<PathBuf> = files?.iter().map(std::fs::DirEntry::path).collect();
        // A seed must give the same input on every machine.
        paths.sort();
        paths.iter().map(std::fs::read).collect()
    };
    let inputs = all();
    let shown = corpus.display();
    let inputs =
        inputs.unwrap_or_else(|error| panic!("the corpus {shown} cannot be read: {error}"));
    assert!(!inputs.is_empty(), "the corpus {shown} is empty");
    inputs
}

/// One of the corpus, changed in a few places.
fn input(corpus: &[Vec<u8>], seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut input = rng.pick(corpus).clone();
    for _ in 0..=rng.below(6) {
        change(&mut input, corpus, &mut rng);
    }
    input.truncate(LONGEST);
    input
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], rng: &mut Rng) {
    let part = part(input.len(), rng);
    let at = part.start;
    match rng.below(8) {
        0 => drop(input.drain(part)),
        1 => {
            let twice = input[part].to_vec();
            input.splice(at..at, twice);
        }
        2 | 3 => {
            let token = rng.pick(TOKENS).iter().copied();
            let end = if rng.chance(50) { at } else { part.end };
            input.splice(at..end, token);
        }
        4 => {
            let other = rng.pick(corpus);
            let other = &other[self::part(other.len(), rng)];
            input.splice(part, other.iter().copied());
        }
        5 => input.truncate(at),
        _ if input.is_empty() => input.push(rng.next() as u8),
        6 => {
            let at = rng.index(input.len());
            input[at] ^= 1 << rng.below(8);
        }
        _ => {
            let at = rng.index(input.len());
            input[at] = rng.next() as u8;
        }
    }
}

/// A part of something of `len` bytes, more often a short one.
fn part(len: usize, rng: &mut Rng) -> std::ops::Range<usize> {
    let start = rng.index(len + 1);
    let most = if rng.chance(75) { 8 } else { len };
    start..(start + rng.index(most + 1)).min(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_input_again_and_other_seeds_make_others() {
        let corpus = [b"a/b/c".to_vec(), b"{\"schema\":1}".to_vec(), Vec::new()];
        let inputs: std::collections::BTreeSet<_> = (0..1_000)
            .map(|seed| {
                let input = input(&corpus, seed);
                assert_eq!(input, super::input(&corpus, seed));
                input
            })
            .collect();
        assert!(inputs.len() > 500, "{}", inputs.len());
        assert!(inputs.iter().any(|input| input.starts_with(b"{\"schema")));
    }

    #[test]
    #[should_panic = "cannot be read"]
    fn a_target_without_a_corpus_shows_nothing() {
        run_made(Path::new("no such folder"), 1, |_| {});
    }
}
