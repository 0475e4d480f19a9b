//! Text whose every character can be seen: controls and what changes the direction of a text are named.
//!
//! A text that turns its own direction around reads as something that it is not (CVE-2021-42574, "Trojan Source").

use crate::answer::TextPiece;

/// `text` in pieces: as it is, and what stands for the characters that would not be seen.
pub(super) fn pieces(text: &str, differs: bool) -> Vec<TextPiece> {
    let mut pieces: Vec<TextPiece> = Vec::new();
    for character in text.chars() {
        let sign = sign(character);
        let is_sign = sign.is_some();
        match pieces.last_mut() {
            Some(last) if last.is_sign == is_sign => match sign {
                Some(sign) => last.text.push_str(&sign),
                None => last.text.push(character),
            },
            _ => pieces.push(TextPiece {
                text: sign.unwrap_or_else(|| character.to_string()),
                differs,
                is_sign,
            }),
        }
    }
    pieces
}

/// What is shown for a character that is not seen itself.
fn sign(character: char) -> Option<String> {
    let code = u32::from(character);
    match character {
        '\t' => None,
        // The pictures of the C0 controls stand in their order (Unicode, "Control Pictures").
        '\0'..='\x1f' => char::from_u32(0x2400 + code).map(String::from),
        '\x7f' => Some('\u{2421}'.to_string()),
        '\u{80}'..='\u{9f}' => named(code),
        // Formats: soft hyphen, marks and overrides of direction, zero widths, separators of lines, byte order mark,
        // annotations, tags, variation selectors beyond those of emoji (Unicode, general categories Cf, Zl, Zp).
        '\u{ad}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => named(code),
        _ => None,
    }
}

fn named(code: u32) -> Option<String> {
    Some(format!("U+{code:04X}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_named() {
        for (text, expected) in [
            (
                "plain\ttext é 議事録",
                vec![("plain\ttext é 議事録", false)],
            ),
            (
                "a\u{202e}b",
                vec![("a", false), ("U+202E", true), ("b", false)],
            ),
            ("\u{1b}[31m", vec![("␛", true), ("[31m", false)]),
            ("\r", vec![("␍", true)]),
            ("\u{7f}\u{85}", vec![("␡U+0085", true)]),
            (
                "\u{2066}x\u{2069}",
                vec![("U+2066", true), ("x", false), ("U+2069", true)],
            ),
            ("\u{feff}a", vec![("U+FEFF", true), ("a", false)]),
            (
                "a\u{200b}b",
                vec![("a", false), ("U+200B", true), ("b", false)],
            ),
            ("\u{2028}", vec![("U+2028", true)]),
            ("", vec![]),
        ] {
            let found = pieces(text, false);
            let found: Vec<_> = found.iter().map(|p| (p.text.as_str(), p.is_sign)).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
