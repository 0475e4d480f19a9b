use super::*;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// What Windows refuses, as rclone's `Win,BackSlash,Ctl,Del,RightSpace,RightPeriod`.
fn windows() -> NameRules {
    NameRules {
        forbidden: "\\:*?\"<>|".to_owned(),
        no_control: true,
        no_trailing_space: true,
        no_trailing_period: true,
        no_windows_devices: true,
        ..NameRules::default()
    }
}

fn rule_sets() -> Vec<NameRules> {
    let mut sets = vec![NameRules::default(), windows()];
    for bits in 0_u8..32 {
        for forbidden in ["", ":", " .", "\\:*?\"<>|#%~[];'`$\n\r\u{7F}", "‛é"] {
            sets.push(NameRules {
                forbidden: forbidden.to_owned(),
                no_control: bits & 1 > 0,
                no_trailing_space: bits & 2 > 0,
                no_trailing_period: bits & 4 > 0,
                no_leading_space: bits & 8 > 0,
                no_leading_period: bits & 16 > 0,
                ..NameRules::default()
            });
        }
    }
    sets
}

/// Xorshift: a small generator that needs no crate.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    /// A name of up to seven characters, nearly all of which mean something to the mapping.
    fn name(&mut self) -> Name {
        const LETTERS: &[char] = &[
            'a', 'é', ' ', '.', ':', '\\', '#', '*', '\n', '\u{1}', '\u{7F}', '‛', '‛', '␠', '．',
            '：', '＼', '＃', '␊', '␁', '␀', '␡', '／', '😀',
        ];
        loop {
            let len = 1 + self.below(7);
            let text: String = (0..len)
                .map(|_| LETTERS[self.below(LETTERS.len())])
                .collect();
            if let Ok(name) = Name::new(text) {
                return name;
            }
        }
    }
}

#[test]
fn names_are_mapped_as_rclone_maps_them() {
    let leading = NameRules {
        no_leading_space: true,
        ..windows()
    };
    let undotted = NameRules {
        no_leading_period: true,
        ..NameRules::default()
    };
    for (rules, plain, native) in [
        (windows(), "plain.txt", "plain.txt"),
        (windows(), "Grüße 😀", "Grüße 😀"),
        (
            windows(),
            "a:b*c?d\"e<f>g|h\\i",
            "a：b＊c？d＂e＜f＞g｜h＼i",
        ),
        (windows(), "tab\tdel\u{7F}", "tab␉del␡"),
        (windows(), "end ", "end␠"),
        (windows(), "end.", "end．"),
        (windows(), "end. ", "end.␠"),
        (windows(), "end .", "end ．"),
        (windows(), "...", "..．"),
        (windows(), " ", "␠"),
        (windows(), "a：b", "a‛：b"),
        (windows(), "a‛b", "a‛‛b"),
        (windows(), "end．", "end‛．"),
        (windows(), "．", "‛．"),
        (windows(), "．．", "‛．‛．"),
        (windows(), "‛．．", "‛‛．‛．"),
        (windows(), "mid．dle␠.", "mid．dle␠．"),
        (windows(), "no ／ here, nor ␀", "no ／ here, nor ␀"),
        (leading.clone(), " x ", "␠x␠"),
        (leading.clone(), "␠x", "‛␠x"),
        (leading.clone(), " ", "␠"),
        (leading, "  ", "␠␠"),
        (undotted.clone(), ".profile", "．profile"),
        (undotted.clone(), "．profile", "‛．profile"),
        (undotted.clone(), "...", "．.."),
        (undotted.clone(), "．．", "‛．．"),
        (undotted, "a.b", "a.b"),
    ] {
        let plain = name(plain);
        assert_eq!(encode(&plain, &rules).unwrap().as_str(), native, "{plain}");
        assert_eq!(decode(native, &rules).unwrap(), plain, "{native}");
        assert!(is_canonical(&name(native), &rules), "{native}");
    }
}

#[test]
fn every_name_comes_back_under_all_rules() {
    let sets = rule_sets();
    let mut random = Random(0x5EED_0001);
    for _ in 0..20_000 {
        let name = random.name();
        for _ in 0..8 {
            let rules = &sets[random.below(sets.len())];
            let native = match encode(&name, rules) {
                Ok(native) => native,
                Err(NameRefusal::Character(c)) => {
                    assert!(
                        name.as_str().contains(c) || c == QUOTE,
                        "{name:?} {rules:?}"
                    );
                    continue;
                }
                Err(other) => panic!("{name:?} {rules:?}: {other}"),
            };
            assert_eq!(
                decode(native.as_str(), rules),
                Ok(name.clone()),
                "{native:?} {rules:?}"
            );
            assert_eq!(*decode_name(&native, rules).unwrap(), name);
            assert!(is_canonical(&native, rules), "{native:?} {rules:?}");
            assert!(holds(native.as_str(), rules), "{native:?} {rules:?}");
        }
    }
}

/// Whether a side with these rules takes the name, looked at from the other end.
fn holds(native: &str, rules: &NameRules) -> bool {
    let broken = [
        native.chars().any(|c| rules.forbidden.contains(c)),
        rules.no_control && native.chars().any(|c| c.is_ascii_control()),
        rules.no_leading_space && native.starts_with(' '),
        rules.no_leading_period && native.starts_with('.'),
        rules.no_trailing_space && native.ends_with(' '),
        rules.no_trailing_period && native.ends_with('.'),
    ];
    !broken.contains(&true)
}

#[test]
fn a_native_name_is_canonical_exactly_if_it_would_be_written_so() {
    let sets = rule_sets();
    let mut random = Random(0x5EED_0002);
    for _ in 0..50_000 {
        let native = random.name();
        let rules = &sets[random.below(sets.len())];
        if rules.forbidden.contains('é') {
            continue;
        }
        let again = decode(native.as_str(), rules)
            .ok()
            .map(|name| encode(&name, rules).unwrap().into_owned());
        assert_eq!(
            is_canonical(&native, rules),
            again.as_ref() == Some(&native),
            "{native:?} {rules:?}"
        );
    }
}

#[test]
fn names_that_need_nothing_are_borrowed() {
    let plain = name("report (final).docx");
    let odd = name("‛a：b␠. ");
    for (name, rules) in [(&plain, windows()), (&odd, NameRules::default())] {
        assert!(matches!(encode(name, &rules), Ok(Cow::Borrowed(same)) if same == name));
        assert!(matches!(decode_name(name, &rules), Ok(Cow::Borrowed(same)) if same == name));
    }
    // A replacement of a character that these rules do not forbid is a character like others.
    let rules = NameRules {
        forbidden: "*".to_owned(),
        ..NameRules::default()
    };
    assert_eq!(encode(&name("a：b"), &rules).unwrap().as_str(), "a：b");
}

#[test]
fn what_is_meant_must_be_a_name_too() {
    let rules = windows();
    assert_eq!(decode("．", &rules), Err(PathError::Dots));
    assert_eq!(decode(".．", &rules), Err(PathError::Dots));
    assert_eq!(decode("a/b", &rules), Err(PathError::Separator));
    // Even if a provider declares the separator as forbidden, its replacement never becomes one (P11).
    let careless = NameRules {
        forbidden: "/\0:".to_owned(),
        ..NameRules::default()
    };
    assert_eq!(decode("..／etc␀", &careless).unwrap().as_str(), "..／etc␀");
    assert_eq!(
        encode(&name("..／etc␀"), &careless).unwrap().as_str(),
        "..／etc␀"
    );
}

#[test]
fn device_names_of_windows_are_refused() {
    for (text, is_device) in [
        ("CON", true),
        ("con.txt", true),
        ("nul .tar.gz", true),
        ("COM0", true),
        ("lpt9.log", true),
        ("COM¹", true),
        ("conout$", true),
        ("COM", false),
        ("COM10", false),
        ("CONSOLE", false),
        ("a.con", false),
        (".con", false),
        ("Ⅽon", false),
        // Mapped, they are no devices any more.
        ("con:", false),
    ] {
        let expected = if is_device {
            Err(NameRefusal::WindowsDevice)
        } else {
            Ok(())
        };
        assert_eq!(
            encode(&name(text), &windows()).map(drop),
            expected,
            "{text}"
        );
    }
}

#[test]
fn lengths_count_as_the_side_spells_them() {
    let rules = NameRules {
        longest_name: Some(10),
        longest_path: Some(15),
        ..windows()
    };
    assert!(encode(&name("1234567890"), &rules).is_ok());
    assert_eq!(
        encode(&name("123456789:"), &rules),
        Err(NameRefusal::NameTooLong {
            bytes: 12,
            longest: 10
        })
    );
    let path = RelPath::new("a:/b?/c.").unwrap();
    let native = encode_path(&path, &rules).unwrap();
    assert_eq!(native.as_str(), "a：/b？/c．");
    assert_eq!(decode_path(&native, &rules).unwrap(), path);
    assert_eq!(
        encode_path(&RelPath::new("12345678/1234567").unwrap(), &rules),
        Err(NameRefusal::PathTooLong {
            bytes: 16,
            longest: 15
        })
    );
}

#[test]
fn names_that_a_side_takes_for_one_have_one_key() {
    use CaseRule::{Insensitive, Sensitive};
    use UnicodeRule::{Exact, Folding};
    let both = [(Insensitive, Exact), (Insensitive, Folding)];
    let all = [
        (Sensitive, Exact),
        (Sensitive, Folding),
        (Insensitive, Exact),
        (Insensitive, Folding),
    ];
    type Rules = (CaseRule, UnicodeRule);
    let cases: &[(&str, &str, &[Rules])] = &[
        ("same", "same", &all),
        ("ReadMe", "README", &both),
        ("ÄRGER", "ärger", &both),
        ("Straße", "STRASSE", &both),
        ("ẞ", "ss", &both),
        ("ΣΑΣ", "σας", &both),
        ("\u{212A}", "k", &both),
        ("ﬁn", "FIN", &both),
        // rclone#7270, samschott/maestral#120: one name in two forms.
        (
            "\u{E4}",
            "a\u{308}",
            &[(Sensitive, Folding), (Insensitive, Folding)],
        ),
        ("\u{C4}", "a\u{308}", &[(Insensitive, Folding)]),
        ("sınır", "sinir", &[]),
        ("a", "b", &[]),
        ("a ", "a", &[]),
    ];
    for (one, other, expected) in cases {
        for rules in all {
            let keys = [one, other].map(|text| collision_key(&name(text), rules.0, rules.1));
            assert_eq!(
                keys[0] == keys[1],
                expected.contains(&rules),
                "{one} {other} {rules:?}"
            );
        }
    }
}

#[test]
fn the_key_of_a_key_is_itself() {
    for c in '\u{1}'..='\u{1FFFF}' {
        let Ok(one) = Name::new(String::from(c)) else {
            continue;
        };
        for unicode in [UnicodeRule::Exact, UnicodeRule::Folding] {
            let key = collision_key(&one, CaseRule::Insensitive, unicode);
            let again = collision_key(&name(&key), CaseRule::Insensitive, unicode);
            assert_eq!(key, again, "{c:?} {unicode:?}");
        }
    }
}
