//! Texts that are merged, and ids that people type.

use std::collections::BTreeSet;

use tandem_core::guard::HoldId;
use tandem_core::merge::merge_text;

use crate::is_sentence;

fn lines(text: &[u8]) -> BTreeSet<&[u8]> {
    text.split(|byte| *byte == b'\n').collect()
}

#[test]
fn a_merge_holds_every_line_that_a_side_wrote_or_is_not_made() {
    tandem_testkit::fuzz!("merge", |input: &[u8]| {
        // A byte that no text has parts the three.
        let mut three = input.splitn(3, |byte| *byte == 0xff);
        let (Some(base), Some(source), Some(destination)) =
            (three.next(), three.next(), three.next())
        else {
            return;
        };
        for (one, other) in [(source, destination), (destination, source)] {
            let Some(merged) = merge_text(base, one, other) else {
                continue;
            };
            assert!(merged.len() <= base.len() + one.len() + other.len());
            let (found, before) = (lines(&merged), lines(base));
            for written in [one, other] {
                let new = lines(written);
                let lost: Vec<_> = new
                    .difference(&before)
                    .filter(|line| !found.contains(*line))
                    .collect();
                assert!(lost.is_empty(), "{lost:?}");
            }
            let known: BTreeSet<&[u8]> = lines(one).union(&lines(other)).copied().collect();
            assert!(found.is_subset(&known));
        }
        if let Some(merged) = merge_text(base, source, base) {
            assert_eq!(merged, source);
        }
    });
}

#[test]
fn a_hold_is_named_by_its_id_or_refused() {
    tandem_testkit::fuzz!("hold_id", |input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        match text.parse::<HoldId>() {
            Ok(id) => assert_eq!(id.to_string(), text.to_ascii_lowercase()),
            Err(error) => assert!(is_sentence(&error.to_string())),
        }
    });
}
