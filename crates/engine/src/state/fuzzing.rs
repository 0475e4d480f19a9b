//! Values of the database, whatever is in them.

#![allow(clippy::unwrap_used, reason = "a test")]

use tandem_core::path::Name;

use super::pack::{Hashes, pack_entry, pack_stamp, unpack_entry, unpack_stamp};

#[test]
fn a_packed_entry_is_what_is_packed_of_it_or_a_damaged_state() {
    tandem_testkit::fuzz!("packed", |input: &[u8]| {
        match unpack_entry(input) {
            Ok(entry) => {
                let packed = pack_entry(&entry).unwrap();
                // Numbers may be written longer than they need be, and what follows is not looked at.
                assert!(packed.len() <= input.len());
                assert_eq!(unpack_entry(&packed).unwrap(), entry);
                assert!(Name::new(entry.name.as_str()).is_ok());
            }
            Err(error) => assert!(error.to_string().starts_with("the state is damaged: ")),
        }
        for usual in ["a.txt", "..", ""] {
            let Ok(entry) = unpack_stamp(input, usual, Vec::new()) else {
                continue;
            };
            assert!(Name::new(entry.name.as_str()).is_ok());
            let mut packed = Vec::new();
            pack_stamp(&entry, usual, &mut packed).unwrap();
            assert!(packed.len() <= input.len());
            assert_eq!(unpack_stamp(&packed, usual, Vec::new()).unwrap(), entry);
        }
        if let Ok((source, destination)) = Hashes::unpack(Some(input)) {
            assert!(source.len() + destination.len() <= 2 * input.len());
        }
    });
}
