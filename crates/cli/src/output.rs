//! Where everything that is printed goes: answers to the standard output, the rest to the error stream.
//!
//! A reader that went away (a closed pipe) is no error: from then on nothing is printed, quietly.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

static CLOSED: AtomicBool = AtomicBool::new(false);

/// Prints a line of the answer.
pub(crate) fn answer(line: &str) {
    if is_closed() {
        return;
    }
    let mut out = io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        CLOSED.store(true, Ordering::Relaxed);
    }
}

/// Prints a JSON document as one line.
pub(crate) fn document(value: &Value) {
    answer(&value.to_string());
}

/// Prints text of the answer as it is, with its own line ends.
pub(crate) fn text(text: &str) {
    if is_closed() {
        return;
    }
    let mut out = io::stdout().lock();
    if out
        .write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .is_err()
    {
        CLOSED.store(true, Ordering::Relaxed);
    }
}

/// Prints a line beside the answer.
pub(crate) fn note(line: &str) {
    // Nobody reads it: nothing can be done about that.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Whether the reader of the answer went away.
pub(crate) fn is_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// Whether a person watches the error stream.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// A name with its control characters made visible, so that it cannot move the cursor or end the line; also
/// those that turn the direction of writing.
pub(crate) fn visible(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", c as u32);
        } else {
            out.push(c);
        }
    }
    out
}

/// Lines in columns, each as wide as its widest cell; the last one is open.
pub(crate) fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| {
        rows.iter()
            .filter_map(|row| row.get(at))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if at + 1 < row.len() {
                let gap = widths[at] - cell.chars().count() + 2;
                line.extend(std::iter::repeat_n(' ', gap));
            }
        }
        answer(line.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_write_anything_but_themselves() {
        assert_eq!(visible("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\u{a}c");
        assert_eq!(visible("\u{202e}exe.doc"), "\\u{202e}exe.doc");
        assert_eq!(visible("Übung 1"), "Übung 1");
    }
}
