//! Bytes as a person writes them: `500`, `20kB`, `6.4 GB`, `5MiB`.

/// Each unit and its bytes, the larger ones first.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// Text that is no size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no size such as 500, 20kB or 6.4GB")]
pub struct BadSize;

/// Reads one. A letter alone stands for a power of 1000: `20k` is `20kB`.
///
/// # Errors
/// It is none, or more than can be counted.
pub fn parse(text: &str) -> Result<u64, BadSize> {
    let text = text.trim();
    let at = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let factor = factor(unit.trim())?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = whole.parse().map_err(|_| BadSize)?;
    let mut bytes = whole.checked_mul(factor).ok_or(BadSize)?;
    let mut step = factor;
    for digit in part.chars() {
        step /= 10;
        let more = u64::from(digit.to_digit(10).ok_or(BadSize)?) * step;
        bytes = bytes.checked_add(more).ok_or(BadSize)?;
    }
    Ok(bytes)
}

fn factor(unit: &str) -> Result<u64, BadSize> {
    let unit = match unit.to_ascii_lowercase().as_str() {
        "" => "b".to_owned(),
        short @ ("k" | "m" | "g" | "t") => format!("{short}b"),
        long => long.to_owned(),
    };
    let found = UNITS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(&unit));
    found.map(|(_, bytes)| *bytes).ok_or(BadSize)
}

/// Writes one without rounding, in the largest unit that has it whole: `4 MB`, `512 KiB`, `1234567 B`.
#[must_use]
pub fn exact(bytes: u64) -> String {
    let whole = |(_, unit): &&(&str, u64)| bytes >= *unit && bytes.is_multiple_of(*unit);
    let (name, unit) = UNITS.iter().find(whole).unwrap_or(&("B", 1));
    format!("{} {name}", bytes / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("500", 500),
            ("20kB", 20_000),
            ("6.4 GB", 6_400_000_000),
            ("5MiB", 5 << 20),
            ("1.5k", 1_500),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "x", "1x", "-1", "99999999999TB", "18446744073709551.9k"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again_to_the_byte() {
        for (bytes, text) in [
            (0, "0 B"),
            (4_000_000, "4 MB"),
            (524_288, "512 KiB"),
            (1_234_567, "1234567 B"),
            (500_000, "500 kB"),
        ] {
            assert_eq!(exact(bytes), text);
            assert_eq!(parse(text), Ok(bytes));
        }
        assert_eq!(parse(&exact(u64::MAX)), Ok(u64::MAX));
    }
}
