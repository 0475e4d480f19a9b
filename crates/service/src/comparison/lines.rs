//! Two texts side by side: what differs, with a few equal lines around it.

use std::ops::Range;

use tandem_core::line_diff::{Differing, differing_lines};
use tandem_core::side::PerSide;

use super::visible::pieces;
use crate::answer::{LineRow, LineView, LinesView, TextPiece};

/// Equal lines around those that differ.
const AROUND: usize = 3;

/// So many rows are shown; what a person reads is far fewer.
const MOST_ROWS: usize = 10_000;

/// Of a line so many characters are shown.
const LONGEST: usize = 1_000;

/// Of what is equal at the beginning of a long line so many characters are shown.
const BEFORE: usize = 60;

/// Compares two texts.
pub(super) fn compare(source: &str, destination: &str) -> LinesView {
    // Where all lines of both end so, it is how the text is stored and nothing of what it says.
    let is_crlf = is_crlf(source) && is_crlf(destination);
    let normal = |text: &str| {
        if is_crlf {
            text.replace("\r\n", "\n")
        } else {
            text.to_owned()
        }
    };
    let (source, destination) = (normal(source), normal(destination));
    let places = differing_lines(&source, &destination);
    let texts = PerSide::new(lines(&source), lines(&destination));
    let mut rows = Rows {
        texts: &texts,
        view: LinesView {
            crlf: is_crlf,
            draft: draft(&texts, &places),
            ..LinesView::default()
        },
    };
    let mut at = 0;
    for (n, place) in places.iter().enumerate() {
        rows.add_equal(at..place.old.start, place.new.start, n == 0, false);
        rows.add_differing(place);
        at = place.old.end;
    }
    let shift = texts.destination.len();
    rows.add_equal(at..texts.source.len(), shift, places.is_empty(), true);
    rows.view
}

fn is_crlf(text: &str) -> bool {
    let ends = text.bytes().filter(|b| *b == b'\n').count();
    ends > 0 && text.matches("\r\n").count() == ends
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Both texts in one, from which a person makes what it should be: what is equal once, and where they differ both, the
/// source's first. So nothing of either is missing.
fn draft(texts: &PerSide<Vec<&str>>, places: &[Differing]) -> String {
    let mut draft = String::new();
    let mut add = |lines: &[&str]| {
        for line in lines {
            // A last line without an end is no longer the last.
            if !draft.is_empty() && !draft.ends_with('\n') {
                draft.push('\n');
            }
            draft.push_str(line);
        }
    };
    let mut at = 0;
    for place in places {
        add(&texts.source[at..place.old.start]);
        add(&texts.source[place.old.clone()]);
        add(&texts.destination[place.new.clone()]);
        at = place.old.end;
    }
    add(&texts.source[at..]);
    draft
}

struct Rows<'a> {
    texts: &'a PerSide<Vec<&'a str>>,
    view: LinesView,
}

impl Rows<'_> {
    /// Equal lines of the source, of which those of the destination end before `to`. Only those beside others are shown.
    fn add_equal(&mut self, lines: Range<usize>, to: usize, is_first: bool, is_last: bool) {
        let to = to - lines.len();
        let before = if is_first { 0 } else { AROUND };
        let after = if is_last { 0 } else { AROUND };
        let hidden = lines.len().saturating_sub(before + after);
        // A line that says that one line is left out is no shorter than that.
        let (head, hidden) = match hidden {
            0 | 1 => (lines.len(), 0),
            hidden => (before, hidden),
        };
        for n in (0..head).chain(head + hidden..lines.len()) {
            if hidden > 0 && n == head + hidden {
                self.add(gap(hidden));
            }
            let text = self.texts.source[lines.start + n];
            self.add(LineRow {
                source: Some(line(lines.start + n, text, whole(text, false))),
                destination: Some(line(to + n, text, whole(text, false))),
                equal: 0,
                differs: false,
            });
        }
        if hidden > 0 && head + hidden == lines.len() {
            self.add(gap(hidden));
        }
    }

    /// Lines in each other's place stand beside each other, the rest of the longer part beside nothing.
    fn add_differing(&mut self, place: &Differing) {
        for n in 0..place.old.len().max(place.new.len()) {
            let numbers = PerSide::new(place.old.start + n, place.new.start + n);
            let there = (n < place.old.len(), n < place.new.len());
            let row = match there {
                (true, true) => {
                    self.view.differing += 1;
                    let (a, b) = (
                        self.texts.source[numbers.source],
                        self.texts.destination[numbers.destination],
                    );
                    let (pieces_a, pieces_b) = against_each_other(a, b);
                    (Some((a, pieces_a)), Some((b, pieces_b)))
                }
                (true, false) => {
                    self.view.only_source += 1;
                    let text = self.texts.source[numbers.source];
                    (Some((text, whole(text, false))), None)
                }
                _ => {
                    self.view.only_destination += 1;
                    let text = self.texts.destination[numbers.destination];
                    (None, Some((text, whole(text, false))))
                }
            };
            self.add(LineRow {
                source: row
                    .0
                    .map(|(text, pieces)| line(numbers.source, text, pieces)),
                destination: row
                    .1
                    .map(|(text, pieces)| line(numbers.destination, text, pieces)),
                equal: 0,
                differs: true,
            });
        }
    }

    fn add(&mut self, row: LineRow) {
        if self.view.rows.len() < MOST_ROWS {
            self.view.rows.push(row);
        } else {
            self.view.rows_left_out += 1;
        }
    }
}

fn gap(equal: usize) -> LineRow {
    LineRow {
        equal: equal as u64,
        ..LineRow::default()
    }
}

fn line(at: usize, text: &str, pieces: Vec<TextPiece>) -> LineView {
    LineView {
        number: at as u64 + 1,
        pieces,
        ends: text.ends_with('\n'),
    }
}

/// A line's text without its end, cut if it is very long.
fn whole(text: &str, differs: bool) -> Vec<TextPiece> {
    cut(text.strip_suffix('\n').unwrap_or(text), 0, differs)
}

/// Two lines in each other's place: what is equal at their beginnings and ends, and what differs between.
fn against_each_other(a: &str, b: &str) -> (Vec<TextPiece>, Vec<TextPiece>) {
    let [a, b] = [a, b].map(|text| text.strip_suffix('\n').unwrap_or(text));
    let begin: usize = a
        .chars()
        .zip(b.chars())
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum();
    let end: usize = a[begin..]
        .chars()
        .rev()
        .zip(b[begin..].chars().rev())
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum();
    if begin + end == 0 {
        return (whole(a, false), whole(b, false));
    }
    let marked = |text: &str| {
        let (before, rest) = text.split_at(begin);
        let (middle, after) = rest.split_at(rest.len() - end);
        // Of a long beginning the end is shown: what a person looks for is what differs.
        let skipped = before.chars().count().saturating_sub(BEFORE);
        let skip = if text.chars().count() > LONGEST {
            skipped
        } else {
            0
        };
        let mut all = cut(before, skip, false);
        all.extend(cut(middle, 0, true));
        let left = LONGEST.saturating_sub(before.chars().count() - skip + middle.chars().count());
        all.extend(cut_to(after, left));
        all
    };
    (marked(a), marked(b))
}

/// The characters of `text` from `skip` on, no more than are shown.
fn cut(text: &str, skip: usize, differs: bool) -> Vec<TextPiece> {
    let rest: String = text.chars().skip(skip).take(LONGEST).collect();
    let is_longer = text.chars().skip(skip).nth(LONGEST).is_some();
    let mut all = Vec::new();
    all.extend((skip > 0).then(ellipsis));
    all.extend(pieces(&rest, differs));
    all.extend(is_longer.then(ellipsis));
    all
}

fn cut_to(text: &str, most: usize) -> Vec<TextPiece> {
    let shown: String = text.chars().take(most).collect();
    let mut all = pieces(&shown, false);
    all.extend((shown.len() < text.len()).then(ellipsis));
    all
}

fn ellipsis() -> TextPiece {
    TextPiece {
        text: "…".to_owned(),
        differs: false,
        is_sign: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &Option<LineView>) -> String {
        let Some(line) = line else {
            return "-".to_owned();
        };
        let pieces = line.pieces.iter().map(|piece| match piece.differs {
            true => format!("[{}]", piece.text),
            false => piece.text.clone(),
        });
        format!("{} {}", line.number, pieces.collect::<String>())
    }

    fn shown(source: &str, destination: &str) -> Vec<String> {
        let view = compare(source, destination);
        let row = |row: &LineRow| match row.equal {
            0 => format!("{} | {}", text(&row.source), text(&row.destination)),
            equal => format!("= {equal}"),
        };
        view.rows.iter().map(row).collect()
    }

    #[test]
    fn what_differs_stands_side_by_side_with_a_few_lines_around_it() {
        let text = |n: usize, changed: &str| -> String {
            (1..=n)
                .map(|line| match line {
                    20 => format!("{changed}\n"),
                    line => format!("line {line}\n"),
                })
                .collect()
        };
        assert_eq!(
            shown(&text(40, "from 1 March on"), &text(40, "from 15 March on")),
            [
                "= 16",
                "17 line 17 | 17 line 17",
                "18 line 18 | 18 line 18",
                "19 line 19 | 19 line 19",
                "20 from 1 March on | 20 from 1[5] March on",
                "21 line 21 | 21 line 21",
                "22 line 22 | 22 line 22",
                "23 line 23 | 23 line 23",
                "= 17",
            ]
        );
    }

    #[test]
    fn lines_that_one_version_lacks_stand_beside_nothing() {
        assert_eq!(
            shown("a\nb\nc\n", "a\nc\nd\ne\n"),
            ["1 a | 1 a", "2 b | -", "3 c | 2 c", "- | 3 d", "- | 4 e"]
        );
        let view = compare("a\nb\nc\nx\n", "a\nc\nd\ne\n");
        assert_eq!(
            (view.differing, view.only_source, view.only_destination),
            (1, 1, 1)
        );
    }

    #[test]
    fn the_draft_has_all_lines_of_both() {
        for (source, destination, expected) in [
            ("a\nb\nc\n", "a\nX\nc\n", "a\nb\nX\nc\n"),
            ("a\nb", "a\nc", "a\nb\nc"),
            ("", "a\n", "a\n"),
            ("a\r\nb\r\n", "a\r\nc\r\n", "a\nb\nc\n"),
        ] {
            assert_eq!(compare(source, destination).draft, expected);
        }
    }

    #[test]
    fn line_ends_are_shown_where_they_differ_and_not_where_they_are_how_it_is_stored() {
        assert_eq!(
            shown("a\r\nb\r\n", "a\r\nc\r\n"),
            ["1 a | 1 a", "2 b | 2 c"]
        );
        assert!(compare("a\r\nb\r\n", "a\r\nc\r\n").crlf);
        assert_eq!(shown("a\r\n", "a\n"), ["1 a[␍] | 1 a"]);
        let view = compare("a\nb\n", "a\nb");
        let ends = |line: &Option<LineView>| line.as_ref().unwrap().ends;
        let last = view.rows.last().unwrap();
        assert!(last.differs && ends(&last.source) && !ends(&last.destination));
    }

    #[test]
    fn much_is_cut_and_counted() {
        let many = |word: &str| format!("{word}\n").repeat(100_000);
        let view = compare(&many("a"), &many("b"));
        assert_eq!(view.rows.len(), MOST_ROWS);
        assert_eq!(view.rows_left_out, 90_000);
        assert_eq!(view.differing, 100_000);

        let long = |middle: &str| "x".repeat(500_000) + middle + &"y".repeat(500_000);
        let view = compare(&long("1"), &long("2"));
        let line = view.rows[0].source.as_ref().unwrap();
        let shown: usize = line.pieces.iter().map(|p| p.text.chars().count()).sum();
        assert!(shown <= LONGEST + 4, "{shown}");
        assert!(line.pieces.iter().any(|p| p.differs && p.text == "1"));
    }

    #[test]
    fn what_turns_a_text_around_is_named() {
        assert_eq!(
            shown("if admin\n", "if \u{202e}admin\u{1b}\n"),
            ["1 if [admin] | 1 if [U+202E][admin][␛]"]
        );
    }
}
