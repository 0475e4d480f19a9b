//! What a server says, as it may be shown: it goes to a terminal, a window and the log.

/// The longest that is passed on, in bytes: a sentence or two, and no whole page of an error.
const LONGEST: usize = 500;

/// `text` as one line of limited length, without characters that command a terminal or turn the direction of writing.
pub(crate) fn told(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(LONGEST));
    for c in text.chars() {
        if line.len() + c.len_utf8() > LONGEST {
            line.push('…');
            break;
        }
        line.push(if is_command(c) { ' ' } else { c });
    }
    line
}

/// Control characters, the ends of lines beyond ASCII, and the marks of writing from right to left ("Trojan Source",
/// CVE-2021-42574).
fn is_command(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_one_line_and_not_without_end() {
        assert_eq!(told("404 Not Found: ü"), "404 Not Found: ü");
        assert_eq!(told("no\n\u{1b}[2Jkey\u{202e}"), "no  [2Jkey ");
        let long = told(&"ü".repeat(10_000));
        assert!(long.len() <= LONGEST + 3 && long.ends_with("ü…"), "{long}");
    }
}
