//! The catalogue of the shell's own texts: the page reads the same files. Sentences about what happens to files are
//! not here; the service makes them.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::bridge::Language;

type Catalogue = HashMap<String, String>;

static ENGLISH: LazyLock<Catalogue> =
    LazyLock::new(|| read(include_str!("../../../ui/src/texts/en.json")));
static GERMAN: LazyLock<Catalogue> =
    LazyLock::new(|| read(include_str!("../../../ui/src/texts/de.json")));

/// That the files can be read is tested; without them the keys are shown.
fn read(json: &str) -> Catalogue {
    serde_json::from_str(json).unwrap_or_default()
}

/// The texts in one language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texts(&'static Catalogue);

impl Texts {
    /// Those in `language`.
    pub(crate) fn of(language: Language) -> Self {
        Self(match language {
            Language::En => &ENGLISH,
            Language::De => &GERMAN,
        })
    }

    /// The text of a key.
    pub(crate) fn get(self, key: &str) -> String {
        let text = self.0.get(key).or_else(|| ENGLISH.get(key));
        text.cloned().unwrap_or_else(|| key.to_owned())
    }

    /// The text of a key, with `{name}` replaced.
    pub(crate) fn fill(self, key: &str, values: &[(&str, &str)]) -> String {
        values.iter().fold(self.get(key), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    }

    /// The text for a number, `KEY.one` or `KEY.other`; both languages know these two.
    pub(crate) fn counted(self, key: &str, count: u64, values: &[(&str, &str)]) -> String {
        let form = if count == 1 { "one" } else { "other" };
        let text = self.fill(&format!("{key}.{form}"), values);
        text.replace("{n}", &count.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_the_same_texts_with_the_same_gaps() {
        let gaps = |text: &str| {
            let mut found: Vec<_> = text
                .split('{')
                .skip(1)
                .filter_map(|part| part.split('}').next())
                .collect();
            found.sort_unstable();
            found.join(" ")
        };
        assert!(ENGLISH.len() > 50, "the catalogue was read");
        for (key, text) in ENGLISH.iter() {
            let other = GERMAN
                .get(key)
                .unwrap_or_else(|| panic!("German has no {key}"));
            assert_eq!(gaps(text), gaps(other), "{key}");
        }
        assert_eq!(ENGLISH.len(), GERMAN.len());
    }

    #[test]
    fn a_number_chooses_its_form() {
        let texts = Texts::of(Language::En);
        assert_eq!(
            texts.counted("notice.held.title", 1, &[("pair", "photos")]),
            "photos needs you"
        );
        assert_eq!(
            texts.counted("notice.held.title", 3, &[("pair", "photos")]),
            "3 pairs need you"
        );
    }
}
