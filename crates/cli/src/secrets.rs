//! Asking for secrets: from the standard input, one line each, or by a prompt that shows nothing.

use std::io::{self, BufRead, IsTerminal};
use std::sync::Arc;

use tandem_service::credentials::{AskPassphrase, Secrets};
use tandem_service::fault::{Fault, Result};
use tandem_service::secret::SecretText;

/// Holds the passphrase of the encrypted file.
const PASSPHRASE: &str = "TANDEM_PASSPHRASE";

/// The secrets of `keys`, in this order.
pub(crate) fn read(keys: &[String]) -> Result<Secrets> {
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
    Arc::new(|| {
        if let Ok(given) = std::env::var(PASSPHRASE) {
            return Some(SecretText::new(given));
        }
        if io::stdin().is_terminal() {
            return prompt("Passphrase of the saved passwords: ");
        }
        None
    })
}

fn prompt(text: &str) -> Option<SecretText> {
    rpassword::prompt_password(text).ok().map(SecretText::new)
}
