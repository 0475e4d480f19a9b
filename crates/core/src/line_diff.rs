//! Where two texts differ, line by line, for a person who compares them.

use std::ops::Range;

use crate::merge::{MOST_CHANGES, changes_within, lines};

/// Lines of the one text in whose place the other has these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differing {
    /// Lines of the first text, counted from 0.
    pub old: Range<usize>,
    /// Lines of the second.
    pub new: Range<usize>,
}

/// Where `new` differs from `old`, in order; what lies between is equal. A line has its end, so a last line without one
/// differs from the same with one. Texts that differ in more than [`MOST_CHANGES`] lines are not compared further: all
/// between their common beginning and their common end is one place.
#[must_use]
pub fn differing_lines(old: &str, new: &str) -> Vec<Differing> {
    let (a, b) = (lines(old.as_bytes()), lines(new.as_bytes()));
    if a == b {
        return Vec::new();
    }
    if !changes_within(&a, &b, MOST_CHANGES) {
        return vec![between_common_ends(&a, &b)];
    }
    diffy::DiffOptions::new()
        .set_context_len(0)
        .create_patch(old, new)
        .hunks()
        .iter()
        .map(|hunk| Differing {
            old: counted_from_0(hunk.old_range()),
            new: counted_from_0(hunk.new_range()),
        })
        .collect()
}

fn between_common_ends(old: &[&[u8]], new: &[&[u8]]) -> Differing {
    let begin = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let rest = old[begin..].iter().rev().zip(new[begin..].iter().rev());
    let end = rest.take_while(|(a, b)| a == b).count();
    Differing {
        old: begin..old.len() - end,
        new: begin..new.len() - end,
    }
}

/// A hunk counts from 1, and names the line before where it has none.
fn counted_from_0(range: diffy::HunkRange) -> Range<usize> {
    let begin = if range.is_empty() {
        range.start()
    } else {
        range.start() - 1
    };
    begin..begin + range.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts the one text together from the other and the places where they differ.
    fn rebuilt(old: &str, new: &str) -> String {
        let (a, b) = (lines(old.as_bytes()), lines(new.as_bytes()));
        let (mut text, mut at, mut to) = (Vec::new(), 0, 0);
        for place in differing_lines(old, new) {
            assert_eq!(a[at..place.old.start], b[to..place.new.start]);
            assert!(!(place.old.is_empty() && place.new.is_empty()));
            text.extend_from_slice(&a[at..place.old.start]);
            text.extend_from_slice(&b[place.new.clone()]);
            (at, to) = (place.old.end, place.new.end);
        }
        assert_eq!(a[at..], b[to..]);
        text.extend_from_slice(&a[at..]);
        String::from_utf8(text.concat()).unwrap()
    }

    #[test]
    fn the_places_are_those_where_lines_differ() {
        for (old, new, expected) in [
            ("", "", vec![]),
            ("a\nb\n", "a\nb\n", vec![]),
            ("a\nb\nc\n", "a\nX\nc\n", vec![(1..2, 1..2)]),
            ("a\nc\n", "a\nb\nc\n", vec![(1..1, 1..2)]),
            ("a\nb\nc\n", "a\nc\n", vec![(1..2, 1..1)]),
            ("", "a\n", vec![(0..0, 0..1)]),
            ("a\n", "", vec![(0..1, 0..0)]),
            ("a\nb", "a\nb\n", vec![(1..2, 1..2)]),
            (
                "a\nb\nc\nd\n",
                "A\nb\nc\nD\n",
                vec![(0..1, 0..1), (3..4, 3..4)],
            ),
        ] {
            let found = differing_lines(old, new);
            let found: Vec<_> = found.into_iter().map(|d| (d.old, d.new)).collect();
            assert_eq!(found, expected, "{old:?} {new:?}");
            assert_eq!(rebuilt(old, new), new);
        }
    }

    #[test]
    fn one_text_comes_of_the_other_by_the_places() {
        let mut seed = 0x5EED_0005_u64;
        let mut random = |end: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % end
        };
        for _ in 0..5_000 {
            let mut side = || -> String {
                let lines =
                    (0..random(12)).map(|_| ["a\n", "b\n", "c\n", "\n"][random(4) as usize]);
                let text: String = lines.collect();
                if random(3) == 0 { text + "end" } else { text }
            };
            let (old, new) = (side(), side());
            assert_eq!(rebuilt(&old, &new), new, "{old:?}");
        }
    }

    #[test]
    fn texts_with_nothing_in_common_are_one_place_and_take_no_long() {
        let old = "same\n".to_owned() + &"a\n".repeat(500_000) + "end\n";
        let new = "same\n".to_owned() + &"b\n".repeat(500_000) + "end\n";
        let found = differing_lines(&old, &new);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (&found[0].old, &found[0].new),
            (&(1..500_001), &(1..500_001))
        );
    }
}
