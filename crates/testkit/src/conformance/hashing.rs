//! Every hash that a storage can name, computed here from the bytes themselves.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tandem_core::entry::{ContentHash, Entry, HashKind};

/// The hash of `bytes`.
pub(super) fn hash(kind: HashKind, bytes: &[u8]) -> ContentHash {
    let value = match kind {
        HashKind::Blake3 => blake3::hash(bytes).as_bytes().to_vec(),
        HashKind::Md5 => Md5::digest(bytes).to_vec(),
        HashKind::Sha1 => Sha1::digest(bytes).to_vec(),
        HashKind::Sha256 => Sha256::digest(bytes).to_vec(),
        HashKind::Crc64Nvme => crc(bytes, 0x9A6C_9329_AC4B_C9B5, u64::MAX)
            .to_be_bytes()
            .to_vec(),
        HashKind::Crc32c => (crc(bytes, 0x82F6_3B78, 0xFFFF_FFFF) as u32)
            .to_be_bytes()
            .to_vec(),
        HashKind::DropboxContent => dropbox(bytes),
        HashKind::QuickXor => quick_xor(bytes).to_vec(),
    };
    ContentHash {
        kind,
        value: value.into(),
    }
}

/// The first hash of `entry` that is not that of `bytes`.
pub(super) fn disagreement(entry: &Entry, bytes: &[u8]) -> Option<String> {
    entry.hashes.iter().find_map(|named| {
        let right = hash(named.kind, bytes);
        (right != *named).then(|| format!("{:?} is named {named:?} and is {right:?}", entry.name))
    })
}

/// A reflected CRC whose register starts full and is inverted at the end.
fn crc(bytes: &[u8], polynomial: u64, full: u64) -> u64 {
    let table: Vec<u64> = (0..256)
        .map(|byte| {
            (0..8).fold(byte, |crc, _| {
                if crc & 1 == 1 {
                    (crc >> 1) ^ polynomial
                } else {
                    crc >> 1
                }
            })
        })
        .collect();
    let end = bytes.iter().fold(full, |crc, byte| {
        (crc >> 8) ^ table[((crc ^ u64::from(*byte)) & 0xFF) as usize]
    });
    end ^ full
}

/// SHA-256 of the SHA-256 of each block of 4 MiB (dropbox.com/developers/reference/content-hash).
fn dropbox(bytes: &[u8]) -> Vec<u8> {
    let mut whole = Sha256::new();
    for block in bytes.chunks(4 * 1024 * 1024) {
        whole.update(Sha256::digest(block));
    }
    whole.finalize().to_vec()
}

/// Each byte is xored in 11 bits further on in a ring of 160, the length into the last 8 bytes
/// (learn.microsoft.com/onedrive/developer/code-snippets/quickxorhash).
fn quick_xor(bytes: &[u8]) -> [u8; 20] {
    let mut ring = [0_u8; 20];
    for (nth, byte) in bytes.iter().enumerate() {
        let bit = nth * 11 % 160;
        let wide = u16::from(*byte) << (bit % 8);
        ring[bit / 8] ^= (wide & 0xFF) as u8;
        ring[(bit / 8 + 1) % 20] ^= (wide >> 8) as u8;
    }
    for (nth, byte) in (bytes.len() as u64).to_le_bytes().into_iter().enumerate() {
        ring[12 + nth] ^= byte;
    }
    ring
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(kind: HashKind, bytes: &[u8]) -> String {
        let value = hash(kind, bytes).value;
        value.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn published_check_values_are_met() {
        for (kind, text, value) in [
            (HashKind::Crc32c, "123456789", "e3069283"),
            (HashKind::Crc64Nvme, "123456789", "ae8b14860a799888"),
            (HashKind::Md5, "abc", "900150983cd24fb0d6963f7d28e17f72"),
            (
                HashKind::Sha1,
                "abc",
                "a9993e364706816aba3e25717850c26c9cd0d89d",
            ),
            (
                HashKind::QuickXor,
                "hello",
                "6828031bd8f00600000000000500000000000000",
            ),
        ] {
            assert_eq!(hex(kind, text.as_bytes()), value, "{kind:?} of {text:?}");
        }
    }
}
