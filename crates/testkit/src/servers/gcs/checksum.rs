//! The two hashes that the service tells of an object ("Hashes and ETags: best practices",
//! cloud.google.com/storage/docs/hashes-etags).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

/// CRC-32C, table by bytes (RFC 9260, appendix A), on its own so that it does not share a mistake with the program.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    /// Castagnoli's polynomial, reflected.
    const POLYNOMIAL: u32 = 0x82F6_3B78;
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            let (mut value, mut bit) = (at as u32, 0);
            while bit < 8 {
                value = if value & 1 == 1 {
                    (value >> 1) ^ POLYNOMIAL
                } else {
                    value >> 1
                };
                bit += 1;
            }
            table[at] = value;
            at += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, byte| {
        TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8)
    })
}

/// A CRC-32C as it is written: base64 of its bytes, the highest first.
pub(super) fn crc32c_text(crc: u32) -> String {
    STANDARD.encode(crc.to_be_bytes())
}

/// An MD5 as it is written.
pub(super) fn md5_text(md5: [u8; 16]) -> String {
    STANDARD.encode(md5)
}

/// The MD5 of these bytes.
pub(super) fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720, B.4.
    #[test]
    fn the_crc_is_castagnolis() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c_text(0), "AAAAAA==");
    }
}
