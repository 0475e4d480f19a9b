//! Names as sides spell them.

use tandem_core::capabilities::{CaseRule, NameRules, UnicodeRule};
use tandem_core::conflict_name::{DeviceName, conflict_name, parse_conflict};
use tandem_core::names::{
    NameRefusal, collision_key, decode, decode_name, decode_path, encode, encode_path, is_canonical,
};
use tandem_core::path::{Name, RelPath};
use tandem_core::time::Timestamp;
use unicode_normalization::UnicodeNormalization;

use crate::is_sentence;

/// The rules that the first two bytes choose, and the text after them.
fn rules(input: &[u8]) -> Option<(NameRules, &str)> {
    let ([bits, forbidden], text) = input.split_first_chunk()?;
    let bit = |at: u8| bits >> at & 1 == 1;
    let forbidden = ["", ":", "<>:\"\\|?*", "ü:", "!~"][usize::from(*forbidden) % 5];
    let rules = NameRules {
        forbidden: forbidden.to_owned(),
        no_control: bit(0),
        no_trailing_space: bit(1),
        no_trailing_period: bit(2),
        no_leading_space: bit(3),
        no_leading_period: bit(7),
        no_windows_devices: bit(4),
        longest_name: bit(5).then_some(40),
        longest_path: bit(6).then_some(60),
    };
    Some((rules, std::str::from_utf8(text).ok()?))
}

/// The same, with no limit of length.
fn without_limits(rules: &NameRules) -> NameRules {
    NameRules {
        longest_name: None,
        longest_path: None,
        ..rules.clone()
    }
}

#[test]
fn a_name_that_a_side_shows_means_one_name_or_is_refused() {
    tandem_testkit::fuzz!("native_name", |input: &[u8]| {
        let Some((rules, native)) = rules(input) else {
            return;
        };
        let Ok(name) = decode(native, &rules) else {
            return;
        };
        assert!(Name::new(name.as_str()).is_ok());
        assert!(name.as_str().len() <= native.len());
        let Ok(spelled) = Name::new(native) else {
            return;
        };
        assert_eq!(*decode_name(&spelled, &rules).unwrap(), name);
        if is_canonical(&spelled, &rules) {
            match encode(&name, &without_limits(&rules)) {
                Ok(again) => assert_eq!(*again, spelled),
                Err(refusal) => assert!(is_sentence(&refusal.to_string())),
            }
        }
    });
}

#[test]
fn a_name_comes_back_from_whatever_a_side_makes_of_it() {
    tandem_testkit::fuzz!("name", |input: &[u8]| {
        let Some((rules, text)) = rules(input) else {
            return;
        };
        let Ok(name) = Name::new(text) else { return };
        match encode(&name, &rules) {
            Ok(native) => {
                assert_eq!(decode(native.as_str(), &rules).unwrap(), name);
                assert!(is_canonical(&native, &rules));
                assert!(
                    rules
                        .longest_name
                        .is_none_or(|most| native.as_str().len() <= most as usize)
                );
                assert!(native.as_str().len() <= 6 * text.len());
            }
            Err(refusal) => {
                assert!(is_sentence(&refusal.to_string()));
                if let NameRefusal::Character(c) = refusal {
                    assert!(rules.forbidden.contains(c));
                }
            }
        }
        for case in [CaseRule::Sensitive, CaseRule::Insensitive] {
            let key =
                |text: String| collision_key(&Name::new(text).unwrap(), case, UnicodeRule::Folding);
            assert_eq!(
                key(text.nfc().collect()),
                key(text.nfd().collect()),
                "{text:?}"
            );
            let exact = collision_key(&name, case, UnicodeRule::Exact);
            assert!(exact.len() <= 18 * text.len());
        }
    });
}

#[test]
fn a_path_comes_back_from_whatever_a_side_makes_of_it() {
    tandem_testkit::fuzz!("native_path", |input: &[u8]| {
        let Some((rules, text)) = rules(input) else {
            return;
        };
        let Ok(path) = RelPath::new(text) else { return };
        if let Ok(meant) = decode_path(&path, &rules) {
            assert_eq!(meant.depth(), path.depth());
        }
        if let Ok(native) = encode_path(&path, &rules) {
            assert_eq!(decode_path(&native, &rules).unwrap(), path);
            assert_eq!(native.depth(), path.depth());
        }
    });
}

#[test]
fn the_name_of_a_conflict_copy_tells_what_it_is_a_copy_of() {
    tandem_testkit::fuzz!("conflict_name", |input: &[u8]| {
        let Some(([secs, host, long], text)) = input.split_first_chunk() else {
            return;
        };
        let Some(name) = std::str::from_utf8(text)
            .ok()
            .and_then(|text| Name::new(text).ok())
        else {
            return;
        };
        if let Some(original) = parse_conflict(&name) {
            assert!(original.as_str().len() < name.as_str().len());
            assert_eq!(
                parse_conflict(&original),
                None,
                "{name} is a copy of a copy"
            );
        }
        let device = DeviceName::new(
            &String::from_utf8_lossy(&text[..text.len().min(20)]),
            &host.to_string(),
        );
        assert_eq!(device.as_str().parse::<DeviceName>().unwrap(), device);
        let at = Timestamp(i64::from(*secs) * 1_000_000_000_000_000 - 1_000_000_000);
        let longest = 80 + usize::from(*long);
        let copy = conflict_name(&name, at, device.as_str(), 1 + u32::from(*host), longest);
        assert!(copy.as_str().len() <= longest, "{copy}");
        assert!(!copy.is_reserved());
        assert!(parse_conflict(&copy).is_some(), "{name}: {copy}");
        // A conflict on a copy replaces the bracket.
        let again = conflict_name(&copy, at, device.as_str(), 1, longest);
        assert_eq!(
            parse_conflict(&again),
            parse_conflict(&copy),
            "{copy}: {again}"
        );
    });
}
