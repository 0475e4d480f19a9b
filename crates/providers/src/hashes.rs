//! Hashes as servers write them.

use md5::{Digest, Md5};
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

/// The MD5 of no bytes.
pub(crate) fn empty_md5() -> [u8; 16] {
    Md5::new().finalize().into()
}

/// The MD5s of pieces of one length, the last of which may be shorter, of bytes as they come.
pub(crate) struct PieceSums {
    len: u64,
    /// Bytes that the piece that was begun still lacks.
    left: u64,
    digest: Md5,
    ended: Vec<[u8; 16]>,
}

impl PieceSums {
    /// Of pieces of `len` bytes.
    pub(crate) fn new(len: u64) -> Self {
        let len = len.max(1);
        Self {
            len,
            left: len,
            digest: Md5::new(),
            ended: Vec::new(),
        }
    }

    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let most = usize::try_from(self.left).unwrap_or(usize::MAX);
            let (these, rest) = bytes.split_at(most.min(bytes.len()));
            self.digest.update(these);
            self.left -= these.len() as u64;
            if self.left == 0 {
                self.end_piece();
            }
            bytes = rest;
        }
    }

    fn end_piece(&mut self) {
        let digest = std::mem::take(&mut self.digest);
        self.ended.push(digest.finalize().into());
        self.left = self.len;
    }

    pub(crate) fn finish(mut self) -> Vec<[u8; 16]> {
        if self.left < self.len {
            self.end_piece();
        }
        self.ended
    }
}

/// An MD5 as an entry carries it.
pub(crate) fn md5_hash(value: [u8; 16]) -> ContentHash {
    ContentHash {
        kind: HashKind::Md5,
        value: Box::new(value),
    }
}
