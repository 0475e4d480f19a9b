//! Patterns that people and other devices write.

use tandem_core::entry::Kind;
use tandem_core::filter::{Filter, FilterSpec, IgnoreFile, Rule, Verdict};
use tandem_core::path::RelPath;
use tandem_core::side::Side;
use tandem_core::time::Timestamp;

use crate::is_sentence;

/// Places that patterns may mean, and one for each line of the text itself.
fn places(text: &str) -> Vec<RelPath> {
    let lines = text.lines().take(5);
    let lines = lines.map(|line| line.trim_matches(['!', '/', ' ']));
    [
        "a",
        "docs/a.txt",
        "docs/deep/er/build/x.o",
        ".hidden",
        "ü/é ",
        "a\\b",
        "[a]",
    ]
    .into_iter()
    .chain(lines)
    .filter_map(|path| RelPath::new(path).ok())
    .filter(|path| !path.is_root())
    .collect()
}

fn ignore_file(side: Side, folder: &str, text: &str) -> IgnoreFile {
    IgnoreFile {
        side,
        folder: RelPath::new(folder).unwrap(),
        text: text.to_owned(),
    }
}

fn verdict(filter: &Filter, path: &RelPath, kind: Kind) -> Verdict {
    filter.verdict(path, kind, Some(1), None, Timestamp(0))
}

/// What holds whatever the patterns are.
fn keeps_its_own_rules(filter: &Filter) {
    for path in [".tandem", "docs/.tandem-staged-x", ".TANDEM/root"] {
        let path = RelPath::new(path).unwrap();
        assert!(!verdict(filter, &path, Kind::Folder).is_included());
    }
    let own = RelPath::new(".tandemignore").unwrap();
    assert!(verdict(filter, &own, Kind::File).is_included());
}

#[test]
fn an_ignore_file_means_the_same_each_time_or_is_refused_with_its_line() {
    tandem_testkit::fuzz!("ignore_file", made = 600, |input: &[u8]| {
        let Ok(text) = std::str::from_utf8(input) else {
            return;
        };
        let make = || {
            let files = [
                ignore_file(Side::Source, "", text),
                ignore_file(Side::Destination, "docs", text),
            ];
            Filter::new(FilterSpec::default(), files)
        };
        let filter = match make() {
            Ok(filter) => filter,
            Err(error) => {
                assert!(is_sentence(&error.to_string()), "{error}");
                assert!(error.line as usize <= text.split('\n').count());
                assert!(text.contains(&error.text));
                return;
            }
        };
        let again = make().unwrap();
        assert_eq!(again.digest(), filter.digest());
        keeps_its_own_rules(&filter);
        for path in places(text) {
            for kind in [Kind::File, Kind::Folder] {
                let said = verdict(&filter, &path, kind);
                assert_eq!(verdict(&again, &path, kind), said, "{path}");
                let Verdict::Excluded { rule, through } = said else {
                    continue;
                };
                assert!(is_sentence(&rule.to_string()) || text.contains('\n'));
                // What lies below is out with it, by the same rule.
                let below = path.join(&"x".parse().unwrap());
                let out = through.unwrap_or_else(|| path.clone());
                if kind == Kind::Folder {
                    let through = Some(out);
                    let rule = rule.clone();
                    assert_eq!(
                        verdict(&filter, &below, Kind::File),
                        Verdict::Excluded { rule, through }
                    );
                }
                if let Rule::IgnoreFile { line, pattern, .. } = rule {
                    let written = text.split('\n').nth(line as usize - 1).unwrap();
                    assert!(written.contains(&pattern), "{line}: {pattern}");
                }
            }
        }
    });
}

#[test]
fn the_patterns_of_a_pair_mean_the_same_each_time_or_are_refused() {
    tandem_testkit::fuzz!("patterns", made = 600, |input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        let spec = FilterSpec {
            patterns: text.lines().map(str::to_owned).collect(),
            ..FilterSpec::default()
        };
        let stored = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<FilterSpec>(&stored).unwrap(), spec);
        let filter = match Filter::new(spec.clone(), []) {
            Ok(filter) => filter,
            Err(error) => {
                assert!(is_sentence(&error.to_string()), "{error}");
                assert!(error.line as usize <= spec.patterns.len());
                return;
            }
        };
        keeps_its_own_rules(&filter);
        for path in places(&text) {
            let said = verdict(&filter, &path, Kind::File);
            if let Verdict::Excluded {
                rule: Rule::Pattern { line, .. },
                ..
            } = said
            {
                assert!((1..=spec.patterns.len()).contains(&(line as usize)));
            }
        }
    });
}
