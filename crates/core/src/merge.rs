//! Line-wise three-way merge of text against the base content (conflict policy `merge`, DESIGN 5.3).
//!
//! Conservative: what is not surely text, is large, or was edited on both sides at the same or at
//! neighbouring lines is not merged, and the conflict is kept as two files. Line ends stay as they are.

/// Largest text that is merged, in bytes, for each of the three.
pub const LARGEST_TEXT: usize = 1024 * 1024;

/// Most lines that one side may have added and removed: the time to compare grows with their square, and
/// what was rewritten that far is better read by a person.
pub const MOST_CHANGES: usize = 4_000;

/// Whether `content` is text that can take part in a merge: UTF-8 without NUL, within the limit.
#[must_use]
pub fn is_mergeable(content: &[u8]) -> bool {
    content.len() <= LARGEST_TEXT && !content.contains(&0) && std::str::from_utf8(content).is_ok()
}

/// The text with the changes of both sides since `base`; `None` if one of the three is no text that can be
/// merged, if a side changed very much, or if the changes touch each other.
#[must_use]
pub fn merge_text(base: &[u8], source: &[u8], destination: &[u8]) -> Option<Vec<u8>> {
    if ![base, source, destination].into_iter().all(is_mergeable) {
        return None;
    }
    let old = lines(base);
    if ![source, destination]
        .into_iter()
        .all(|new| changes_within(&old, &lines(new), MOST_CHANGES))
    {
        return None;
    }
    diffy::merge_bytes(base, source, destination).ok()
}

pub(crate) fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|b| *b == b'\n').collect()
}

/// Whether at most `most` lines were removed and added.
///
/// The first half of Myers, "An O(ND) Difference Algorithm and Its Variations": how far each diagonal gets
/// with so many changes, until one gets to the end. The library that merges knows no such limit, and two
/// texts of many short lines with nothing in common would keep it busy for hours.
pub(crate) fn changes_within(old: &[&[u8]], new: &[&[u8]], most: usize) -> bool {
    let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[same..], &new[same..]);
    let same = old.iter().rev().zip(new.iter().rev());
    let same = same.take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[..old.len() - same], &new[..new.len() - same]);
    if old.len().abs_diff(new.len()) > most {
        return false;
    }
    // `reach[middle + k]`: how far into `old` diagonal `k` (position in `old` less that in `new`) gets.
    let middle = most + 1;
    let mut reach = vec![0_usize; 2 * middle + 1];
    for changes in 0..=most {
        for at in (middle - changes..=middle + changes).step_by(2) {
            let (less, more) = (reach[at - 1], reach[at + 1]);
            let from_below = at == middle - changes || at != middle + changes && less < more;
            let mut x = match (changes, from_below) {
                (0, _) => 0,
                (_, true) => more,
                (_, false) => less + 1,
            };
            // Beyond the edge of either text a diagonal leads nowhere.
            let Some(mut y) = (x + middle).checked_sub(at) else {
                continue;
            };
            while x < old.len() && y < new.len() && old[x] == new[y] {
                (x, y) = (x + 1, y + 1);
            }
            reach[at] = x;
            if x >= old.len() && y >= new.len() {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(base: &str, source: &str, destination: &str) -> Option<String> {
        merge_text(base.as_bytes(), source.as_bytes(), destination.as_bytes())
            .map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn changes_that_lie_apart_are_both_taken() {
        for (base, source, destination, expected) in [
            ("", "", "", Some("")),
            ("a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", Some("A\nb\nC\n")),
            (
                "a\nb\nc\n",
                "a\nb\nc\nd\n",
                "0\na\nb\nc\n",
                Some("0\na\nb\nc\nd\n"),
            ),
            ("a\nb\nc\n", "b\nc\n", "a\nb\n", Some("b\n")),
            // The same change on both sides is one change.
            ("a\nb\nc\n", "a\nX\nc\n", "a\nX\nc\n", Some("a\nX\nc\n")),
            // Line ends stay as they are.
            (
                "a\r\nb\r\nc\r\n",
                "A\r\nb\r\nc\r\n",
                "a\r\nb\r\nC",
                Some("A\r\nb\r\nC"),
            ),
            // Same place, same line, neighbouring lines, edit beside delete.
            ("a\nb\nc\n", "a\n1\nb\nc\n", "a\n2\nb\nc\n", None),
            ("a\nb\nc\n", "a\nX\nc\n", "a\nY\nc\n", None),
            ("a\nb\nc\n", "X\nb\nc\n", "a\nY\nc\n", None),
            ("a\nb\nc\n", "b\nc\n", "a\nY\nc\n", None),
            ("a\nb\nc\n", "", "a\nY\nc\n", None),
            // New on both sides, or with other line ends throughout.
            ("", "a\n", "b\n", None),
            ("a\nb\nc\n", "a\r\nb\r\nc\r\n", "a\nb\nC\n", None),
            // A line added behind a last one that lost its end.
            ("a\nb\n", "a\nb", "a\nb\nc\n", None),
        ] {
            assert_eq!(
                merged(base, source, destination).as_deref(),
                expected,
                "{base:?} {source:?} {destination:?}"
            );
        }
    }

    #[test]
    fn only_text_within_the_limits_is_merged() {
        let long = "x".repeat(LARGEST_TEXT);
        assert!(merged(&long, &long, &long).is_some());
        let longer = long + "x";
        for odd in ["a\0b".as_bytes(), b"\xFF", longer.as_bytes()] {
            assert_eq!(merge_text(odd, b"a", b"a"), None);
            assert_eq!(merge_text(b"a", odd, b"a"), None);
            assert_eq!(merge_text(b"a", b"a", odd), None);
        }
    }

    #[test]
    fn a_side_that_changed_very_much_is_not_merged() {
        let text =
            |range: std::ops::Range<usize>| -> String { range.map(|n| format!("{n}\n")).collect() };
        let base = text(0..50_000);
        let shorter = |by: usize| text(0..100) + &text(100 + by..50_000);
        let other = base.replace("49000\n", "changed\n");
        assert_eq!(
            merged(&base, &shorter(MOST_CHANGES), &other),
            Some(shorter(MOST_CHANGES).replace("49000\n", "changed\n"))
        );
        assert_eq!(merged(&base, &shorter(MOST_CHANGES + 1), &other), None);
        assert_eq!(merged(&base, &other, &shorter(MOST_CHANGES + 1)), None);
        // Nothing in common, in many lines: this must not take long.
        let (a, b) = ("a\n".repeat(400_000), "b\n".repeat(400_000));
        assert_eq!(merged("\n", &a, &b), None);
        assert_eq!(merged(&a, &b, &b), None);
    }

    #[test]
    fn the_count_of_changes_is_that_of_the_longest_common_lines() {
        let mut seed = 0x5EED_0004_u64;
        let mut random = |end: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % end
        };
        for _ in 0..2_000 {
            let mut side = || -> Vec<&[u8]> {
                let len = random(9);
                (0..len)
                    .map(|_| [b"a", b"b", b"c"][random(3) as usize].as_slice())
                    .collect()
            };
            let (old, new) = (side(), side());
            let mut common = vec![vec![0; new.len() + 1]; old.len() + 1];
            for (x, a) in old.iter().enumerate() {
                for (y, b) in new.iter().enumerate() {
                    common[x + 1][y + 1] = if a == b {
                        common[x][y] + 1
                    } else {
                        common[x][y + 1].max(common[x + 1][y])
                    };
                }
            }
            let changes = old.len() + new.len() - 2 * common[old.len()][new.len()];
            assert!(
                changes_within(&old, &new, changes),
                "{old:?} {new:?} {changes}"
            );
            assert!(
                changes == 0 || !changes_within(&old, &new, changes - 1),
                "{old:?} {new:?}"
            );
        }
    }

    /// Base lines are numbered; each side changes, removes or adds lines of its own. An oracle that knows
    /// where says what must come out.
    #[test]
    fn no_line_is_lost_or_made_up_over_many_random_edits() {
        let mut seed = 0x5EED_0003_u64;
        let mut below = |end: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % end
        };
        let mut clean = 0;
        for round in 0..20_000 {
            let count = 1 + below(12) as usize;
            let base: Vec<String> = (0..count).map(|n| format!("base {n}\n")).collect();
            // Per side: each line's new text, and what is added before it; the last slot is the end.
            let mut edits = [vec![None; count + 1], vec![None; count + 1]];
            for (side, edits) in edits.iter_mut().enumerate() {
                for _ in 0..below(4) {
                    let at = below(count as u64 + 1) as usize;
                    let new = match below(3) {
                        0 if at < count => String::new(),
                        1 if at < count => format!("side {side} edits {at}\n"),
                        _ => format!("side {side} adds {at}\n{}", base.get(at).map_or("", |l| l)),
                    };
                    edits[at] = Some(new);
                }
            }
            let text = |edits: &[Option<String>]| -> String {
                (0..=count)
                    .map(|at| match &edits[at] {
                        Some(new) => new.as_str(),
                        None => base.get(at).map_or("", |line| line),
                    })
                    .collect()
            };
            let apart = |at: usize| {
                edits[0][at].is_none()
                    || (at.saturating_sub(1)..=(at + 1).min(count))
                        .all(|near| edits[1][near].is_none())
            };
            let both: Vec<Option<String>> = (0..=count)
                .map(|at| edits[0][at].clone().or_else(|| edits[1][at].clone()))
                .collect();
            let (source, destination) = (text(&edits[0]), text(&edits[1]));
            let base = base.concat();
            let result = merged(&base, &source, &destination);
            assert_eq!(
                result,
                merged(&base, &destination, &source),
                "round {round}"
            );
            assert_eq!(merged(&base, &source, &base).as_deref(), Some(&*source));
            assert_eq!(
                merged(&base, &base, &destination).as_deref(),
                Some(&*destination)
            );
            assert_eq!(merged(&base, &source, &source).as_deref(), Some(&*source));
            if (0..=count).all(apart) {
                assert_eq!(result.as_deref(), Some(&*text(&both)), "round {round}");
            }
            if let Some(result) = result {
                clean += 1;
                for line in source.lines().chain(destination.lines()) {
                    let kept = result.lines().any(|l| l == line);
                    assert!(
                        kept || line.starts_with("base"),
                        "round {round}: {line} is lost"
                    );
                }
                for line in base.lines() {
                    let kept = source.lines().chain([""]).any(|l| l == line)
                        && destination.lines().any(|l| l == line);
                    assert_eq!(
                        kept,
                        result.lines().any(|l| l == line),
                        "round {round}: {line}"
                    );
                }
            }
        }
        assert!(clean > 5_000, "{clean}");
    }
}
