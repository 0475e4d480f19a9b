//! Hashes as servers write them.

use tandem_core::entry::{ContentHash, HashKind};

/// The hexadecimal digits of an MD5.
const MD5_DIGITS: usize = 32;

/// Bytes as hexadecimal digits.
pub(crate) fn hex(value: &[u8]) -> String {
    value
        .iter()
        .fold(String::with_capacity(value.len() * 2), |mut text, byte| {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
            text
        })
}

/// The bytes that hexadecimal digits spell; `None` if they are none.
fn of_hex(text: &str) -> Option<Vec<u8>> {
    // `from_str_radix` would take a sign for a digit.
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok())
        .collect()
}

/// The MD5 that `text` spells, if it has the form of one.
pub(crate) fn md5_of_hex(text: &str) -> Option<[u8; 16]> {
    if text.len() != MD5_DIGITS {
        return None;
    }
    of_hex(text)?.try_into().ok()
}

/// The hashes in `SHA1:... MD5:...`, as ownCloud and Nextcloud write them; those of no use here are left out.
pub(crate) fn checksums(text: &str) -> Vec<ContentHash> {
    let read = |word: &str| {
        let (name, digits) = word.split_once(':')?;
        let kind = match name.to_ascii_uppercase().as_str() {
            "MD5" => HashKind::Md5,
            "SHA1" => HashKind::Sha1,
            "SHA256" => HashKind::Sha256,
            _ => return None,
        };
        ContentHash::new(kind, &of_hex(digits)?)
    };
    text.split_whitespace().filter_map(read).collect()
}

/// An MD5 as an entry carries it.
pub(crate) fn md5_hash(value: [u8; 16]) -> ContentHash {
    ContentHash {
        kind: HashKind::Md5,
        value: Box::new(value),
    }
}
