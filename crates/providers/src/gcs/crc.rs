//! CRC-32C, which the service tells of every object ("Hashes and ETags: best practices", hashes-etags).

use aws_smithy_types::base64;
use crc_fast::CrcAlgorithm::Crc32Iscsi;
use crc_fast::{Digest, checksum_combine};
use tandem_core::entry::{ContentHash, HashKind};

/// A sum that grows with what flows by.
pub(super) struct Sum(Digest);

impl Sum {
    pub(super) fn new() -> Self {
        Self(Digest::new(Crc32Iscsi))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn value(&self) -> u32 {
        low(self.0.finalize())
    }
}

/// The sum of two pieces that follow each other; `second` is of so many bytes.
pub(super) fn combine(first: u32, second: u32, second_len: u64) -> u32 {
    low(checksum_combine(
        Crc32Iscsi,
        first.into(),
        second.into(),
        second_len,
    ))
}

/// As the service writes it: base64 of its bytes, the highest first.
pub(super) fn text(crc: u32) -> String {
    base64::encode(crc.to_be_bytes())
}

/// As an entry carries it, out of what the service wrote.
pub(super) fn hash_of(text: &str) -> Option<ContentHash> {
    let value: [u8; 4] = base64::decode(text).ok()?.try_into().ok()?;
    Some(ContentHash {
        kind: HashKind::Crc32c,
        value: Box::new(value),
    })
}

/// The sum among an object's hashes.
pub(super) fn among(hashes: &[ContentHash]) -> Option<u32> {
    let crc = hashes.iter().find(|hash| hash.kind == HashKind::Crc32c)?;
    Some(u32::from_be_bytes(crc.value.as_ref().try_into().ok()?))
}

/// A CRC of 32 bits in the lower half of what holds all widths.
const fn low(crc: u64) -> u32 {
    (crc & 0xFFFF_FFFF) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crc(bytes: &[u8]) -> u32 {
        let mut sum = Sum::new();
        sum.update(bytes);
        sum.value()
    }

    /// RFC 3720, B.4, and the check value of the catalogue.
    #[test]
    fn the_sum_is_castagnolis_and_of_pieces_that_of_the_whole() {
        assert_eq!(crc(b"123456789"), 0xE306_9283);
        assert_eq!(crc(&[0; 32]), 0x8A91_36AA);
        assert_eq!(combine(crc(b"1234"), crc(b"56789"), 5), crc(b"123456789"));
        assert_eq!(combine(crc(b""), crc(b"123456789"), 9), 0xE306_9283);
        assert_eq!(combine(crc(b"123456789"), crc(b""), 0), 0xE306_9283);
        assert_eq!(text(0xE306_9283), "4waSgw==");
        assert_eq!(among(&[hash_of("4waSgw==").unwrap()]), Some(0xE306_9283));
    }
}
