//! The ways in which programs write a secret down: what has to be taken out of what servers and libraries say (P16).

/// Shorter forms of what is not the secret itself would blank out other words.
const SHORTEST: usize = 8;

/// `secret` as it is, as it stands in quoted text and in addresses, in hexadecimal digits, and in base64 at any place
/// of a longer text; the longest first. None of an empty one.
#[must_use]
pub fn secret_forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.escape_debug().to_string()];
    for kept in ["-._~", "-._~/"] {
        forms.extend([false, true].map(|upper| percent_encoded(secret, kept, upper)));
    }
    forms.extend([false, true].map(|upper| hexadecimal(secret, upper)));
    for last in [*b"+/", *b"-_"] {
        forms.extend((0..3).map(|before| base64_within(secret, before, last)));
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms.push(secret.to_owned());
    forms.retain(|form| !form.is_empty());
    forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    forms.dedup();
    forms
}

fn digits(byte: u8, upper: bool) -> [char; 2] {
    [byte >> 4, byte & 15].map(|digit| {
        let digit = char::from_digit(u32::from(digit), 16).unwrap_or_default();
        if upper {
            digit.to_ascii_uppercase()
        } else {
            digit
        }
    })
}

fn hexadecimal(text: &str, upper: bool) -> String {
    text.bytes().flat_map(|byte| digits(byte, upper)).collect()
}

fn percent_encoded(text: &str, kept: &str, upper: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(char::from(byte)) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend(digits(byte, upper));
        }
    }
    out
}

/// What of `text` is the same in every base64 text in which it stands after `before` bytes, modulo 3; `last` are the
/// last two digits of the alphabet.
fn base64_within(text: &str, before: usize, last: [u8; 2]) -> String {
    const DIGITS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let bytes = [&[0; 3][..before], text.as_bytes()].concat();
    let bit = |at: usize| usize::from(bytes[at / 8] >> (7 - at % 8) & 1);
    let whole = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
    let value = |at: usize| (at * 6..at * 6 + 6).fold(0, |value, at| value << 1 | bit(at));
    whole
        .map(|at| match value(at) {
            digit @ ..62 => char::from(DIGITS[digit]),
            digit => char::from(last[digit - 62]),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_text_that_holds_it() {
        let forms = secret_forms("a/b+\"c~d&e");
        let is_found = |text: &str| forms.iter().any(|form| text.contains(form.as_str()));
        for text in [
            "key=a/b+\"c~d&e;",
            "\"a/b+\\\"c~d&e\"",
            "?key=a%2Fb%2B%22c~d%26e",
            "?key=a%2fb%2b%22c~d%26e",
            "/a/b%2B%22c~d%26e",
            "612f622b22637e642665",
            "612F622B22637E642665",
            // `printf 'x:a/b+"c~d&e:x' | base64`, and with one and two bytes more before it.
            "eDphL2IrImN+ZCZlOng=",
            "eHg6YS9iKyJjfmQmZTp4",
            "eHh4OmEvYisiY35kJmU6eA==",
            "eDphL2IrImN-ZCZlOng",
        ] {
            assert!(is_found(text), "{text}: {forms:?}");
        }
        assert!(!is_found("a/b c~d&e"));
        assert_eq!(
            secret_forms("abc"),
            ["abc"],
            "the forms of a short one are other words"
        );
        assert!(secret_forms("").is_empty());
    }
}
