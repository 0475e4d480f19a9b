//! What kind of picture bytes are, and how large it would be. Only kinds that hold nothing but a picture: SVG is a document
//! with scripts and is none of them.

/// More points than this are not shown: a small file can claim so many that drawing it takes all memory.
const MOST_POINTS: u64 = 64_000_000;

/// A picture that can be shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Picture {
    /// Its media type.
    pub(super) media_type: &'static str,
    /// In points.
    pub(super) width: u32,
    /// In points.
    pub(super) height: u32,
}

/// The media type that the first bytes tell.
pub(super) fn media_type(head: &[u8]) -> Option<&'static str> {
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("image/webp"),
        _ => None,
    }
}

/// The picture that `bytes` are, if they are one of a size that can be shown.
pub(super) fn inspect(bytes: &[u8]) -> Option<Picture> {
    let media_type = media_type(bytes)?;
    let (width, height) = match media_type {
        "image/png" => png(bytes),
        "image/jpeg" => jpeg(bytes),
        "image/gif" => gif(bytes),
        _ => webp(bytes),
    }?;
    let points = u64::from(width) * u64::from(height);
    (1..=MOST_POINTS).contains(&points).then_some(Picture {
        media_type,
        width,
        height,
    })
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn big16(bytes: &[u8], at: usize) -> Option<u32> {
    bytes_at(bytes, at).map(|b| u16::from_be_bytes(b).into())
}

fn little16(bytes: &[u8], at: usize) -> Option<u32> {
    bytes_at(bytes, at).map(|b| u16::from_le_bytes(b).into())
}

fn little24(bytes: &[u8], at: usize) -> Option<u32> {
    bytes_at::<3>(bytes, at).map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
}

/// The header is the first chunk (PNG, 11.2.2).
fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    (bytes_at(bytes, 12)? == *b"IHDR").then_some(())?;
    let width = u32::from_be_bytes(bytes_at(bytes, 16)?);
    Some((width, u32::from_be_bytes(bytes_at(bytes, 20)?)))
}

/// Segments up to the first that begins a frame (ITU-T T.81, B.2.2).
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let [0xff, marker] = bytes_at(bytes, at)? else {
            return None;
        };
        match marker {
            // Fill bytes, and markers that stand alone.
            0xff => at += 1,
            0x01 | 0xd0..=0xd7 => at += 2,
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Some((big16(bytes, at + 7)?, big16(bytes, at + 5)?));
            }
            // Picture data, or its end, before any frame.
            0xd8..=0xda => return None,
            _ => at += 2 + usize::try_from(big16(bytes, at + 2)?).ok()?.max(2),
        }
    }
}

/// The screen and all frames: one that is larger than the screen widens it in some programs (GIF89a, 18 and 20).
fn gif(bytes: &[u8]) -> Option<(u32, u32)> {
    let (mut width, mut height) = (little16(bytes, 6)?, little16(bytes, 8)?);
    let table = |flags: u8| match flags & 0x80 {
        0 => 0,
        _ => 3 << ((flags & 7) + 1),
    };
    let mut at = 13 + table(*bytes.get(10)?);
    loop {
        match bytes.get(at) {
            Some(0x21) => at = after_blocks(bytes, at + 2)?,
            Some(0x2c) => {
                width = width.max(little16(bytes, at + 1)? + little16(bytes, at + 5)?);
                height = height.max(little16(bytes, at + 3)? + little16(bytes, at + 7)?);
                at = after_blocks(bytes, at + 11 + table(*bytes.get(at + 9)?))?;
            }
            // The end, or the end of what is there.
            _ => return Some((width, height)),
        }
    }
}

/// Behind a row of blocks of data.
fn after_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            length => at += 1 + usize::from(length),
        }
    }
}

/// The first chunk says it, in one of three ways (RFC 9649, 2.5 to 2.7).
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    match &bytes_at::<4>(bytes, 12)? {
        b"VP8X" => Some((little24(bytes, 24)? + 1, little24(bytes, 27)? + 1)),
        b"VP8L" => {
            (*bytes.get(20)? == 0x2f).then_some(())?;
            let packed = u32::from_le_bytes(bytes_at(bytes, 21)?);
            Some(((packed & 0x3fff) + 1, (packed >> 14 & 0x3fff) + 1))
        }
        b"VP8 " => {
            (bytes_at(bytes, 23)? == [0x9d, 0x01, 0x2a]).then_some(())?;
            Some((little16(bytes, 26)? & 0x3fff, little16(bytes, 28)? & 0x3fff))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 6, 0, 0, 0]);
        bytes
    }

    fn gif_of(frame: (u16, u16)) -> Vec<u8> {
        let mut bytes = b"GIF89a\x04\0\x03\0\x80\0\0\0\0\0\xff\xff\xff".to_vec();
        bytes.extend(b"\x21\xf9\x04\0\0\0\0\0\x2c\0\0\0\0");
        bytes.extend(frame.0.to_le_bytes());
        bytes.extend(frame.1.to_le_bytes());
        bytes.extend(b"\0\x02\x02\x44\x01\0\x3b");
        bytes
    }

    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x04JF\xff\xff\xc2\0\x11\x08\0\x07\0\x09\x03";

    #[test]
    fn pictures_are_told_by_their_bytes() {
        let webp = |chunk: &[u8]| [b"RIFF\x20\0\0\0WEBP", chunk].concat();
        for (bytes, expected) in [
            (png_of(800, 600), ("image/png", 800, 600)),
            (JPEG.to_vec(), ("image/jpeg", 9, 7)),
            (gif_of((4, 3)), ("image/gif", 4, 3)),
            (
                webp(b"VP8X\x0a\0\0\0\0\0\0\0\x1f\x03\0\x57\x02\0"),
                ("image/webp", 800, 600),
            ),
            (
                webp(b"VP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a\x20\x03\x58\x02"),
                ("image/webp", 800, 600),
            ),
            (
                webp(b"VP8L\x0a\0\0\0\x2f\x1f\xc3\x95\0"),
                ("image/webp", 800, 600),
            ),
        ] {
            let (media_type, width, height) = expected;
            let picture = Picture {
                media_type,
                width,
                height,
            };
            assert_eq!(inspect(&bytes), Some(picture), "{bytes:x?}");
            // Cut off within what was read above, it is none; nothing breaks.
            for length in 0..bytes.len() {
                let _ = inspect(&bytes[..length]);
            }
            assert_eq!(inspect(&bytes[..8]), None);
        }
    }

    #[test]
    fn what_only_looks_like_a_picture_is_none() {
        for bytes in [
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>".as_slice(),
            b"<?xml version='1.0'?><svg/>",
            b"<!doctype html><script>",
            b"\x89PNG\r\n\x1a\nnothing of the kind",
            b"\xff\xd8\xff\xe0\0\0\0\0\0\0",
            b"\xff\xd8\xff\xda\0\0",
            b"RIFF\x20\0\0\0WAVEfmt ",
            b"RIFF\x20\0\0\0WEBPXXXX",
            b"BM\x36\0",
            b"",
        ] {
            assert_eq!(inspect(bytes), None, "{bytes:x?}");
        }
    }

    #[test]
    fn what_would_take_all_memory_is_not_shown() {
        assert!(inspect(&png_of(8_000, 8_000)).is_some());
        assert_eq!(inspect(&png_of(60_000, 60_000)), None);
        assert_eq!(inspect(&png_of(u32::MAX, u32::MAX)), None);
        assert_eq!(inspect(&png_of(0, 600)), None);
        // A frame larger than the screen that the header names.
        assert_eq!(inspect(&gif_of((u16::MAX, u16::MAX))), None);
    }
}
