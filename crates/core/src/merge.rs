//! Line-wise three-way merge of text against the base content (conflict policy `merge`, DESIGN 5.3).
//!
//! Conservative: what is not surely text, is large, or was edited on both sides at the same or at
//! neighbouring lines is not merged, and the conflict is kept as two files. Line ends stay as they are.

/// Largest text that is merged, in bytes, for each of the three.
pub const LARGEST_TEXT: usize = 1024 * 1024;

/// Most lines that are merged, for each of the three: comparing takes the square of the lines that differ.
pub const MOST_LINES: usize = 20_000;

/// Whether `content` is text that can take part in a merge: UTF-8 without NUL, within the limits.
#[must_use]
pub fn is_mergeable(content: &[u8]) -> bool {
    content.len() <= LARGEST_TEXT
        && !content.contains(&0)
        && std::str::from_utf8(content).is_ok()
        && content.iter().filter(|b| **b == b'\n').count() < MOST_LINES
}

/// The text with the changes of both sides since `base`; `None` if one of the three is no text that can be
/// merged, or if the changes touch each other.
#[must_use]
pub fn merge_text(base: &[u8], source: &[u8], destination: &[u8]) -> Option<Vec<u8>> {
    if ![base, source, destination]
        .into_iter()
        .all(is_mergeable)
    {
        return None;
    }
    diffy::merge_bytes(base, source, destination).ok()
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
            ("a\nb\nc\n", "a\nb\nc\nd\n", "0\na\nb\nc\n", Some("0\na\nb\nc\nd\n")),
            ("a\nb\nc\n", "b\nc\n", "a\nb\n", Some("b\n")),
            // The same change on both sides is one change.
            ("a\nb\nc\n", "a\nX\nc\n", "a\nX\nc\n", Some("a\nX\nc\n")),
            // Line ends stay as they are.
            ("a\r\nb\r\nc\r\n", "A\r\nb\r\nc\r\n", "a\r\nb\r\nC", Some("A\r\nb\r\nC")),
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
        let lines = "\n".repeat(MOST_LINES);
        for odd in ["a\0b".as_bytes(), b"\xFF", longer.as_bytes(), lines.as_bytes()] {
            assert_eq!(merge_text(odd, b"a", b"a"), None);
            assert_eq!(merge_text(b"a", odd, b"a"), None);
            assert_eq!(merge_text(b"a", b"a", odd), None);
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
                    || (at.saturating_sub(1)..=(at + 1).min(count)).all(|near| edits[1][near].is_none())
            };
            let both: Vec<Option<String>> = (0..=count)
                .map(|at| edits[0][at].clone().or_else(|| edits[1][at].clone()))
                .collect();
            let (source, destination) = (text(&edits[0]), text(&edits[1]));
            let base = base.concat();
            let result = merged(&base, &source, &destination);
            assert_eq!(result, merged(&base, &destination, &source), "round {round}");
            assert_eq!(merged(&base, &source, &base).as_deref(), Some(&*source));
            assert_eq!(merged(&base, &base, &destination).as_deref(), Some(&*destination));
            assert_eq!(merged(&base, &source, &source).as_deref(), Some(&*source));
            if (0..=count).all(apart) {
                assert_eq!(result.as_deref(), Some(&*text(&both)), "round {round}");
            }
            if let Some(result) = result {
                clean += 1;
                for line in source.lines().chain(destination.lines()) {
                    let kept = result.lines().any(|l| l == line);
                    assert!(kept || line.starts_with("base"), "round {round}: {line} is lost");
                }
                for line in base.lines() {
                    let kept = source.lines().chain([""]).any(|l| l == line)
                        && destination.lines().any(|l| l == line);
                    assert_eq!(kept, result.lines().any(|l| l == line), "round {round}: {line}");
                }
            }
        }
        assert!(clean > 5_000, "{clean}");
    }
}
