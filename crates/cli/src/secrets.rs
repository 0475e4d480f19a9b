//! Asking for secrets: from the standard input, one line each, or by a prompt that shows nothing.

use std::io::{self, BufRead, IsTerminal};
use std::sync::Arc;

use tandem_service::credentials::{AskPassphrase, Asked, SecretError, Secrets};
use tandem_service::fault::Fault;
use tandem_service::secret::SecretText;
use tandem_service::words;

/// Holds the passphrase of the encrypted file.
const PASSPHRASE: &str = "TANDEM_PASSPHRASE";

/// That what stands after `--secret` may be a key. What cannot be is the secret itself, by a slip: it is not repeated.
pub(crate) fn check_keys(keys: &[String]) -> Result<(), Fault> {
    let is_key = |key: &String| {
        !key.is_empty()
            && key
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    if keys.iter().all(is_key) {
        return Ok(());
    }
    Err(Fault::SecretGiven)
}

/// The secrets of `keys`, in this order.
pub(crate) fn read(keys: &[String]) -> Result<Secrets, Fault> {
    let mut secrets = Secrets::new();
    let stdin = io::stdin();
    for key in keys {
        let secret = if stdin.is_terminal() {
            prompt(&format!("{key}: "))
        } else {
            let mut line = String::new();
            let read = stdin.lock().read_line(&mut line);
            let line = SecretText::new(line);
            read.is_ok_and(|n| n > 0)
                .then(|| SecretText::new(line.expose().trim_end_matches(['\r', '\n']).to_owned()))
        };
        let secret = secret.filter(|s| !s.expose().is_empty()).ok_or_else(|| {
            if stdin.is_terminal() {
                return Fault::Usage(
                    format!("Nothing was typed for the secret “{key}”."),
                    "Nothing was saved; try again.".to_owned(),
                );
            }
            Fault::Usage(
                format!("There is no line for the secret “{key}” on the standard input."),
                "Give one line for each --secret, in the same order.".to_owned(),
            )
        })?;
        secrets.insert(key.clone(), secret);
    }
    Ok(secrets)
}

/// Asks for the passphrase of the encrypted file, when it is needed.
pub(crate) fn passphrase() -> AskPassphrase {
    Arc::new(|what| {
        if let Ok(given) = std::env::var(PASSPHRASE) {
            return Ok(SecretText::new(given));
        }
        if io::stdin().is_terminal() {
            return ask(what, prompt);
        }
        Err(SecretError::NoPassphrase)
    })
}

fn ask(
    what: Asked,
    prompt: impl Fn(&str) -> Option<SecretText>,
) -> Result<SecretText, SecretError> {
    let typed = |text| prompt(text).ok_or(SecretError::NoPassphrase);
    if what == Asked::Known {
        return typed(words::ASK_PASSPHRASE);
    }
    let first = typed(words::ASK_NEW_PASSPHRASE)?;
    // Enter alone gives up.
    if first.expose().is_empty() || typed(words::ASK_AGAIN)? == first {
        return Ok(first);
    }
    Err(SecretError::Unconfirmed)
}

fn prompt(text: &str) -> Option<SecretText> {
    rpassword::prompt_password(text).ok().map(SecretText::new)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn a_new_passphrase_is_asked_for_twice() {
        let asked = |what, answers: &[&str]| {
            let left = RefCell::new(answers.iter().map(|text| (*text).to_owned()));
            let answer = ask(what, |_| left.borrow_mut().next().map(SecretText::new));
            let text = answer.map(|secret| secret.expose().to_owned());
            (text, left.into_inner().count())
        };
        let ok = |text: &str| (Ok(text.to_owned()), 0);
        assert_eq!(asked(Asked::Known, &["one"]), ok("one"));
        assert_eq!(asked(Asked::New, &["one", "one"]), ok("one"));
        assert_eq!(asked(Asked::New, &[""]), ok(""));
        for (answers, error) in [
            (&["one", "onw"][..], SecretError::Unconfirmed),
            (&["one"], SecretError::NoPassphrase),
        ] {
            assert_eq!(asked(Asked::New, answers), (Err(error), 0));
        }
    }
}
