//! Times as a person reads and writes them, in the computer's time zone.

use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};
use tandem_core::time::Timestamp;

fn zoned(at: Timestamp) -> Option<Zoned> {
    let at = jiff::Timestamp::from_nanosecond(i128::from(at.0)).ok()?;
    Some(at.to_zoned(TimeZone::system()))
}

fn stamp(at: &Zoned) -> Timestamp {
    Timestamp(i64::try_from(at.timestamp().as_nanosecond()).unwrap_or(i64::MAX))
}

/// `2026-11-20T14:02:05Z`, for JSON.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    let (year, month, day, hour, minute, second) = at.civil();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// "38 s ago", "14:02", "yesterday 18:20", "12 November", "12 November 2025".
#[must_use]
pub fn spoken(at: Timestamp, now: Timestamp) -> String {
    let (Some(time), Some(today)) = (zoned(at), zoned(now)) else {
        return rfc3339(at);
    };
    let seconds = now.secs() - at.secs();
    if (0..60).contains(&seconds) {
        return format!("{seconds} s ago");
    }
    let clock = time.strftime("%H:%M");
    let days = today
        .date()
        .since(time.date())
        .map_or(i32::MAX, |span| span.get_days());
    match days {
        0 => clock.to_string(),
        1 => format!("yesterday {clock}"),
        -1 => format!("tomorrow {clock}"),
        _ if today.year() == time.year() => time.strftime("%-d %B").to_string(),
        _ => time.strftime("%-d %B %Y").to_string(),
    }
}

/// `2026-11-20 14:02:05`, for lists.
#[must_use]
pub fn listed(at: Timestamp) -> String {
    zoned(at).map_or_else(
        || rfc3339(at),
        |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// `2026-11-20`, the day that it is here.
#[must_use]
pub fn day(at: Timestamp) -> String {
    zoned(at).map_or_else(|| rfc3339(at), |time| time.strftime("%Y-%m-%d").to_string())
}

/// The minute of the week by the computer's clock, counted from the beginning of Monday.
#[must_use]
pub fn minute_of_week(at: Timestamp) -> u32 {
    const DAY: u32 = 24 * 60;
    let part = |n: i8| u32::from(n.unsigned_abs());
    let of_day = |hour, minute| part(hour) * 60 + part(minute);
    zoned(at).map_or(0, |time| {
        let day = time.weekday().to_monday_zero_offset();
        part(day) * DAY + of_day(time.hour(), time.minute())
    })
}

/// A length of time as a person writes it: `45s`, `30m`, `2h`, `3d`.
#[must_use]
pub fn parse_length(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let number: i64 = text[..text.len() - unit.len_utf8()]
        .parse()
        .ok()
        .filter(|n| *n >= 0)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds)
}

/// A time as a person writes it: `14:02`, `2026-11-20`, `2026-11-20 14:02`, `2026-11-20T14:02:05Z`,
/// `tomorrow`, or a length (`2h`), which lies `direction` (-1 ago, 1 from now) of `now`.
#[must_use]
pub fn parse(text: &str, now: Timestamp, direction: i64) -> Option<Timestamp> {
    if let Some(seconds) = parse_length(text) {
        return Some(now.plus(seconds.checked_mul(1_000_000_000)?.checked_mul(direction)?));
    }
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return i64::try_from(at.as_nanosecond()).ok().map(Timestamp);
    }
    let today = zoned(now)?;
    let zone = TimeZone::system();
    if text == "tomorrow" {
        let start = today
            .checked_add(Span::new().days(1))
            .ok()?
            .start_of_day()
            .ok()?;
        return Some(stamp(&start));
    }
    if let Ok(clock) = civil::Time::strptime("%H:%M", text) {
        let mut at = today.date().to_datetime(clock).to_zoned(zone).ok()?;
        if direction > 0 && at <= today {
            at = at.checked_add(Span::new().days(1)).ok()?;
        }
        return Some(stamp(&at));
    }
    for format in [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M",
    ] {
        if let Ok(at) = civil::DateTime::strptime(format, text) {
            return at.to_zoned(zone).ok().as_ref().map(stamp);
        }
    }
    let day = civil::Date::strptime("%Y-%m-%d", text).ok()?;
    day.to_zoned(zone).ok().as_ref().map(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_795_176_000;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = Timestamp::from_secs(NOON);
        assert_eq!(
            parse("2h", now, -1),
            Some(Timestamp::from_secs(NOON - 7_200))
        );
        assert_eq!(
            parse("30m", now, 1),
            Some(Timestamp::from_secs(NOON + 1_800))
        );
        assert_eq!(parse("2026-11-20T12:00:00Z", now, 1), Some(now));
        assert!(parse("14:02", now, 1).unwrap() > now);
        assert!(parse("tomorrow", now, 1).unwrap() > now);
        assert!(parse("2026-11-20", now, -1).is_some());
        for text in ["", "h", "-1h", "5 minutes", "25:00", "2026-13-01"] {
            assert_eq!(parse(text, now, 1), None, "{text:?}");
        }
    }

    #[test]
    fn the_week_begins_on_monday_by_the_computers_clock() {
        let now = Timestamp::from_secs(NOON);
        // A Monday, a Friday and a Sunday.
        for (text, minute) in [
            ("2026-11-16 00:00", 0),
            ("2026-11-20 08:30", (4 * 24 + 8) * 60 + 30),
            ("2026-11-22 23:59", 7 * 24 * 60 - 1),
        ] {
            let at = parse(text, now, 1).unwrap();
            assert_eq!(minute_of_week(at), minute, "{text}");
        }
    }

    #[test]
    fn times_are_spoken_shortly() {
        let now = Timestamp::from_secs(NOON);
        assert_eq!(rfc3339(now), "2026-11-20T12:00:00Z");
        assert_eq!(spoken(now.plus(-38_000_000_000), now), "38 s ago");
        assert!(spoken(Timestamp::from_secs(NOON - 86_400), now).starts_with("yesterday "));
        assert_eq!(
            spoken(Timestamp::from_secs(NOON - 9 * 86_400), now),
            "11 November"
        );
        assert_eq!(
            spoken(Timestamp::from_secs(NOON - 400 * 86_400), now),
            "16 October 2025"
        );
    }
}
