//! When which limits hold: lines such as `mon-fri 08:00 500kB:2MB` and `18:00 off`.
//!
//! A line holds from its time on until that of the next, over the end of the week too, as in rclone's
//! (<https://rclone.org/docs/#bwlimit-bandwidth-spec>).

use serde::{Deserialize, Serialize};

use super::limits::{BadLimit, Limits};

/// As they are written, from Monday on.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// As they are said.
const DAY_NAMES: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const MINUTES_A_DAY: u32 = 24 * 60;

/// Lines, by the order a person wrote them in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Timetable(Vec<Line>);

/// What holds from a time on, on some days.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    text: String,
    days: [bool; 7],
    /// Of the day.
    minute: u32,
    limits: Limits,
}

/// Lines that are no timetable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTimetable {
    /// It has not the form of one.
    #[error("“{0}” is no line of a timetable")]
    Form(String),
    /// It names a day that there is not.
    #[error("“{1}” in “{0}” is no day from mon to sun")]
    Day(String, String),
    /// It names a time that there is not.
    #[error("“{1}” in “{0}” is no time from 00:00 to 23:59")]
    Time(String, String),
    /// Its limits cannot hold.
    #[error("“{1}” in “{0}” cannot be a limit: {2}")]
    Limit(String, String, BadLimit),
    /// Two lines hold from the same time on.
    #[error("“{0}” and “{1}” both begin on {2} at the same time")]
    Twice(String, String, &'static str),
}

impl Timetable {
    /// Reads lines; empty ones say nothing.
    ///
    /// # Errors
    /// Which line cannot be one, and why.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, BadTimetable> {
        let written = lines.into_iter().map(str::trim).filter(|l| !l.is_empty());
        let lines: Vec<_> = written.map(Line::parse).collect::<Result<_, _>>()?;
        for (at, line) in lines.iter().enumerate() {
            for before in lines[..at].iter().filter(|l| l.minute == line.minute) {
                let shared = (0..7).find(|day| before.days[*day] && line.days[*day]);
                if let Some(day) = shared {
                    let (one, other) = (before.text.clone(), line.text.clone());
                    return Err(BadTimetable::Twice(one, other, DAY_NAMES[day]));
                }
            }
        }
        Ok(Self(lines))
    }

    /// The lines as they were written.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0.iter().map(|line| line.text.clone()).collect()
    }

    /// Whether there is no line.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What holds in this minute of the week, counted from the beginning of Monday.
    #[must_use]
    pub fn at(&self, minute: u32) -> Limits {
        let starts = || self.0.iter().flat_map(Line::starts);
        let begun = starts().filter(|(start, _)| *start <= minute);
        // Before the first of the week the last one of the week before holds.
        let last = begun.max_by_key(|(start, _)| *start);
        let last = last.or_else(|| starts().max_by_key(|(start, _)| *start));
        last.map(|(_, limits)| limits).unwrap_or_default()
    }
}

impl TryFrom<Vec<String>> for Timetable {
    type Error = BadTimetable;

    fn try_from(lines: Vec<String>) -> Result<Self, BadTimetable> {
        Self::parse(lines.iter().map(String::as_str))
    }
}

impl From<Timetable> for Vec<String> {
    fn from(timetable: Timetable) -> Self {
        timetable.lines()
    }
}

impl Line {
    fn parse(text: &str) -> Result<Self, BadTimetable> {
        let mut words = text.split_whitespace().peekable();
        let is_time = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
        let days = words.next_if(|word| !is_time(word));
        let time = words.next_if(is_time);
        // What is written apart, as in "2 MB", belongs together.
        let limits: String = words.collect();
        let Some(time) = time.filter(|_| !limits.is_empty()) else {
            return Err(BadTimetable::Form(text.to_owned()));
        };
        Ok(Self {
            text: text.to_owned(),
            days: days.map_or(Ok([true; 7]), |days| parse_days(text, days))?,
            minute: parse_time(time)
                .ok_or_else(|| BadTimetable::Time(text.to_owned(), time.to_owned()))?,
            limits: Limits::parse(&limits)
                .map_err(|why| BadTimetable::Limit(text.to_owned(), limits, why))?,
        })
    }

    /// When it begins, in minutes of the week, and what holds then.
    fn starts(&self) -> impl Iterator<Item = (u32, Limits)> {
        let days = (0..).zip(self.days).filter(|(_, is_on)| *is_on);
        days.map(|(day, _)| (day * MINUTES_A_DAY + self.minute, self.limits))
    }
}

/// `mon`, `mon-fri`, `sat,sun`, `fri-mon`.
fn parse_days(line: &str, text: &str) -> Result<[bool; 7], BadTimetable> {
    let day = |name: &str| {
        let found = DAYS.iter().position(|day| name.eq_ignore_ascii_case(day));
        found.ok_or_else(|| BadTimetable::Day(line.to_owned(), name.to_owned()))
    };
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        for n in 0..=(last + 7 - first) % 7 {
            days[(first + n) % 7] = true;
        }
    }
    Ok(days)
}

/// `08:00`, as minutes of the day.
fn parse_time(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str, most: u32| {
        let fits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u32>().ok().filter(|n| fits && *n <= most)
    };
    Some(number(hour, 23)? * 60 + number(minute, 59)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(send: impl Into<Option<u64>>, receive: impl Into<Option<u64>>) -> Limits {
        Limits {
            send: send.into(),
            receive: receive.into(),
        }
    }

    /// A minute of the week, of a text such as `sat 18:00`.
    fn minute(text: &str) -> u32 {
        let (day, time) = text.split_once(' ').unwrap();
        let day = DAYS.iter().position(|d| *d == day).unwrap() as u32;
        day * MINUTES_A_DAY + parse_time(time).unwrap()
    }

    #[test]
    fn a_line_holds_from_its_time_until_that_of_the_next() {
        let none = limits(None, None);
        let work = ["mon-fri 08:00 500kB:2MB", "mon-fri 18:00 off"];
        let daily = ["7:30 512K:2M", "23:00 off:10 MB/s"];
        for (lines, at, expected) in [
            (&[][..], "mon 12:00", none),
            (&work, "mon 07:59", none),
            (&work, "mon 08:00", limits(500_000, 2_000_000)),
            (&work, "wed 17:59", limits(500_000, 2_000_000)),
            (&work, "fri 18:00", none),
            (&work, "sat 09:00", none),
            (&daily, "sun 22:59", limits(512_000, 2_000_000)),
            // From Sunday on into Monday.
            (&daily, "mon 00:00", limits(None, 10_000_000)),
            (
                &["sat,sun 00:00 off", "mon 00:00 1M"],
                "thu 3:00",
                limits(1_000_000, 1_000_000),
            ),
            (
                &["fri-mon 12:00 1M", "tue 0:00 off"],
                "sun 12:00",
                limits(1_000_000, 1_000_000),
            ),
            (&["fri-mon 12:00 1M", "tue 0:00 off"], "thu 12:00", none),
        ] {
            let timetable = Timetable::parse(lines.iter().copied()).unwrap();
            assert_eq!(timetable.at(minute(at)), expected, "{lines:?} {at}");
        }
    }

    #[test]
    fn what_is_no_timetable_is_told_in_one_sentence_that_names_the_line() {
        for (lines, expected) in [
            (&["08:00"][..], "“08:00” is no line of a timetable"),
            (&["500kB"], "“500kB” is no line of a timetable"),
            (&["mon 500kB"], "“mon 500kB” is no line of a timetable"),
            (
                &["moon 08:00 1M"],
                "“moon” in “moon 08:00 1M” is no day from mon to sun",
            ),
            (
                &["mon- 08:00 1M"],
                "“” in “mon- 08:00 1M” is no day from mon to sun",
            ),
            (
                &["24:00 1M"],
                "“24:00” in “24:00 1M” is no time from 00:00 to 23:59",
            ),
            (&["8h 1M"], "“8h” in “8h 1M” is no time from 00:00 to 23:59"),
            (
                &["08:00 fast"],
                "“fast” in “08:00 fast” cannot be a limit: it is no speed such as 500kB or 4MB",
            ),
            (
                &["08:00 1M:5"],
                "“1M:5” in “08:00 1M:5” cannot be a limit: it is slower than 1 kB a second",
            ),
            (
                &["08:00 1M", "", "sat 08:00 off"],
                "“08:00 1M” and “sat 08:00 off” both begin on Saturday at the same time",
            ),
        ] {
            let error = Timetable::parse(lines.iter().copied()).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn lines_stay_as_they_were_written() {
        let written = ["Mon-Fri  08:00 500 kB : 2MB", "18:00 OFF"];
        let timetable = Timetable::parse(written).unwrap();
        let text = serde_json::to_string(&timetable).unwrap();
        assert_eq!(serde_json::from_str::<Timetable>(&text).unwrap(), timetable);
        assert_eq!(timetable.lines(), written);
    }
}
