//! Keeps known secrets out of text: the last line of defence of logs and bundles (P16).

use std::sync::{Arc, Mutex, PoisonError};
use tandem_core::mutant;

use tandem_core::secret_forms::secret_forms;

use crate::secret::SecretText;

const MASK: &str = "[redacted]";
/// Shorter values would blank out half of every line and protect nothing.
const SHORTEST: usize = 4;

/// Replaces every secret it was told of. Clones share what they know.
#[derive(Debug, Clone, Default)]
pub struct Redactor(Arc<Mutex<Vec<SecretText>>>);

impl Redactor {
    /// Remembers `secret`, in every form in which programs write it down.
    pub fn learn(&self, secret: &SecretText) {
        let text = secret.expose();
        if text.len() < SHORTEST {
            return;
        }
        let mut forms = secret_forms(text);
        if let Ok(json) = serde_json::to_string(text) {
            forms.push(json[1..json.len() - 1].to_owned());
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for form in forms.into_iter().map(SecretText::new) {
            if !known.contains(&form) {
                known.push(form);
            }
        }
        // The longest first, so that a secret within a secret leaves nothing of the longer one.
        known.sort_by_key(|s| std::cmp::Reverse(s.expose().len()));
    }

    /// `text` without any known secret.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut clean = text.to_owned();
        for secret in known.iter() {
            if clean.contains(secret.expose()) && !mutant!("P16 a secret stays in text") {
                clean = clean.replace(secret.expose(), MASK);
            }
        }
        clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_known_secret_is_masked() {
        let redactor = Redactor::default();
        redactor.learn(&SecretText::new("a/b+\"c".to_owned()));
        redactor.learn(&SecretText::new("abc".to_owned()));
        for text in ["x a/b+\"c y", "x a%2Fb%2B%22c y", "x a/b+\\\"c y"] {
            assert_eq!(redactor.clean(text), "x [redacted] y");
        }
        assert_eq!(redactor.clean("abc"), "abc", "short values are left alone");
    }
}
