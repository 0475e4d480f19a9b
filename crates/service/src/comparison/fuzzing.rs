//! Versions of a conflict, whatever they hold.

use super::lines::compare;
use super::picture::{inspect, media_type};

#[test]
fn what_is_shown_as_a_picture_is_one_of_a_size_that_can_be_drawn() {
    tandem_testkit::fuzz!("picture", |input: &[u8]| {
        if let Some(picture) = inspect(input) {
            assert_eq!(media_type(input), Some(picture.media_type));
            let points = u64::from(picture.width) * u64::from(picture.height);
            assert!((1..=64_000_000).contains(&points), "{picture:?}");
        }
    });
}

#[test]
fn compared_texts_lose_no_line_and_hide_no_character() {
    tandem_testkit::fuzz!("compared_texts", |input: &[u8]| {
        let cut = input.iter().position(|byte| *byte == 0xff);
        let (source, destination) = input.split_at(cut.unwrap_or(input.len() / 2));
        let [source, destination] = [source, destination].map(String::from_utf8_lossy);
        let view = compare(&source, &destination);
        let (mut ours, mut theirs) = (0, 0);
        for row in &view.rows {
            let is_gap = row.source.is_none() && row.destination.is_none();
            assert_eq!(is_gap, row.equal > 0);
            ours += row.equal;
            theirs += row.equal;
            for (side, count) in [(&row.source, &mut ours), (&row.destination, &mut theirs)] {
                let Some(line) = side else { continue };
                *count += 1;
                assert_eq!(line.number, *count);
                let hidden = |c: char| {
                    c.is_control() && c != '\t'
                        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
                };
                assert!(line.pieces.iter().all(|piece| !piece.text.contains(hidden)));
            }
        }
        let count = |text: &str| text.split_inclusive('\n').count() as u64;
        if view.rows_left_out == 0 {
            assert_eq!((ours, theirs), (count(&source), count(&destination)));
        }
        let ends = |line: &str| line.trim_end_matches(['\r', '\n']).to_owned();
        let draft: std::collections::BTreeSet<_> = view.draft.split('\n').map(ends).collect();
        for line in source.split('\n').chain(destination.split('\n')) {
            assert!(
                line.is_empty() || draft.contains(&ends(line)),
                "{line:?} is lost"
            );
        }
    });
}
