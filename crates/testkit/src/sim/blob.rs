//! Content held in memory together with its hash. Invariant: the hash is always that of the bytes.

use std::fmt;

use bytes::Bytes;
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;
use tandem_core::entry::{ContentHash, HashKind};

/// Bytes and their BLAKE3 hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob {
    bytes: Bytes,
    hash: [u8; 32],
}

impl fmt::Debug for Blob {
    /// The hash, which tells what the bytes would: they are many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes ", self.size())?;
        let mut words = self.hash.chunks_exact(8);
        words.try_for_each(|word| {
            let word = word
                .iter()
                .fold(0u64, |all, byte| all << 8 | u64::from(*byte));
            write!(f, "{word:016x}")
        })
    }
}

impl Blob {
    /// Takes `bytes` in.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let hash = *blake3::hash(&bytes).as_bytes();
        Self { bytes, hash }
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The BLAKE3 hash of the bytes.
    #[must_use]
    pub const fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Length in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The hash of this kind; `None` for a kind that simulated storages do not name.
    pub(super) fn hash_of(&self, kind: HashKind) -> Option<ContentHash> {
        match kind {
            HashKind::Blake3 => Some(ContentHash::blake3(self.hash)),
            HashKind::Md5 => ContentHash::new(kind, &Md5::digest(&self.bytes)),
            HashKind::Sha1 => ContentHash::new(kind, &Sha1::digest(&self.bytes)),
            HashKind::Sha256 => ContentHash::new(kind, &Sha256::digest(&self.bytes)),
            HashKind::Crc32c => ContentHash::new(kind, &crc32c(&self.bytes).to_be_bytes()),
            HashKind::Crc64Nvme => ContentHash::new(kind, &crc64_nvme(&self.bytes).to_be_bytes()),
            _ => None,
        }
    }
}

const CRC32C: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let (mut value, mut bit) = (n as u32, 0);
        while bit < 8 {
            value = (value >> 1) ^ (0x82f6_3b78 * (value & 1));
            bit += 1;
        }
        table[n] = value;
        n += 1;
    }
    table
};

const CRC64: [u64; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let (mut value, mut bit) = (n as u64, 0);
        while bit < 8 {
            value = (value >> 1) ^ (0x9a6c_9329_ac4b_c9b5 * (value & 1));
            bit += 1;
        }
        table[n] = value;
        n += 1;
    }
    table
};

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (crc >> 8) ^ CRC32C[usize::from(crc as u8 ^ byte)]
    })
}

fn crc64_nvme(bytes: &[u8]) -> u64 {
    !bytes.iter().fold(!0, |crc, byte| {
        (crc >> 8) ^ CRC64[usize::from(crc as u8 ^ byte)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_give_the_check_values_of_the_crc_catalogue() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc64_nvme(b"123456789"), 0xae8b_1486_0a79_9888);
    }
}
