//! Sign-ins under way, and the links by which a browser brings their answers (RFC 6749, 4.1.2).
//!
//! Any page can open a link of this scheme, so nothing is believed of one: it must have the one known form, and its
//! `state` must be that of a sign-in begun here, which it ends. Everything else is a sentence, and nothing is done.
//! What such a link carries is in the arguments of a process for a moment, as with every scheme of this kind (RFC 8252,
//! 7.1 and 8.1): a code is worth nothing without the verifier, which never leaves this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::fault::{Fault, Result};
use crate::secret::SecretText;

/// What every link begins with.
pub const SCHEME: &str = "tandem://";
/// The one place that a link can name.
const PLACE: &str = "sign-in";
/// The longest link that is read, in bytes.
const LONGEST: usize = 8 * 1024;
/// So many sign-ins are under way at most: who begins more has given up the oldest.
const MOST: usize = 16;

/// What a browser brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInAnswer {
    /// The code to ask for tokens with.
    Code(SecretText),
    /// The server refused, or the person did: in the server's word, such as `access_denied`.
    Refused(String),
}

/// Sign-ins that wait for their answers.
#[derive(Debug, Clone, Default)]
pub struct SignIns(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    begun: u64,
    /// By the digest of the state: how long a comparison takes tells nothing of it.
    by_state: BTreeMap<[u8; 32], Pending>,
}

#[derive(Debug)]
struct Pending {
    number: u64,
    storage: String,
    answer: oneshot::Sender<SignInAnswer>,
}

/// A sign-in that was begun. Dropping it gives it up.
#[derive(Debug)]
pub struct SignIn {
    /// What the server is to send back, and nobody can guess.
    pub state: SecretText,
    answer: oneshot::Receiver<SignInAnswer>,
}

impl SignIn {
    /// Waits for the answer; none if it was given up for others.
    pub async fn answer(self) -> Option<SignInAnswer> {
        self.answer.await.ok()
    }
}

impl SignIns {
    /// Begins a sign-in to `storage`.
    ///
    /// # Errors
    /// The system gives no randomness: then nothing that must not be guessed can be made.
    pub fn begin(&self, storage: &str) -> Result<SignIn> {
        let mut random = [0_u8; 32];
        getrandom::fill(&mut random).map_err(|error| Fault::Refused(error.to_string()))?;
        let state: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let (answered, answer) = oneshot::channel();
        let mut waiting = self.lock();
        waiting
            .by_state
            .retain(|_, known| !known.answer.is_closed());
        if waiting.by_state.len() >= MOST
            && let Some(oldest) = waiting.oldest()
        {
            waiting.by_state.remove(&oldest);
        }
        waiting.begun += 1;
        let pending = Pending {
            number: waiting.begun,
            storage: storage.to_owned(),
            answer: answered,
        };
        waiting.by_state.insert(digest(&state), pending);
        Ok(SignIn {
            state: SecretText::new(state),
            answer,
        })
    }

    /// Takes the answer that `link` brings. Says which storage it was for.
    ///
    /// # Errors
    /// It is no link of ours, or no sign-in waits for it. Nothing was done then.
    pub fn finish(&self, link: &SecretText) -> Result<String> {
        let (state, answer) = read(link.expose()).ok_or_else(unknown)?;
        let pending = self.lock().by_state.remove(&digest(state));
        let pending = pending.ok_or_else(nobody_waits)?;
        let handed = pending.answer.send(answer);
        handed.map(|()| pending.storage).map_err(|_| nobody_waits())
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn oldest(&self) -> Option<[u8; 32]> {
        let oldest = self.by_state.iter().min_by_key(|(_, known)| known.number);
        oldest.map(|(state, _)| *state)
    }
}

fn digest(state: &str) -> [u8; 32] {
    *blake3::hash(state.as_bytes()).as_bytes()
}

fn unknown() -> Fault {
    Fault::Usage(
        "This link is none that Tandem knows. Nothing was done.".to_owned(),
        "Begin the sign-in on the page Storages.".to_owned(),
    )
}

fn nobody_waits() -> Fault {
    Fault::Usage(
        "No sign-in waits for this link: it is over, or was not begun here. Nothing was done."
            .to_owned(),
        "Begin the sign-in again on the page Storages.".to_owned(),
    )
}

/// The state and the answer of a link. What a server adds of its own is passed over (RFC 6749, 4.1.2); what is known
/// stands there once.
fn read(link: &str) -> Option<(&str, SignInAnswer)> {
    let is_plain = link.len() <= LONGEST && link.bytes().all(|byte| byte.is_ascii_graphic());
    let rest = link.strip_prefix(SCHEME).filter(|_| is_plain)?;
    let (place, query) = rest.split_once('?')?;
    if place.strip_suffix('/').unwrap_or(place) != PLACE || query.contains('#') {
        return None;
    }
    let (mut state, mut code, mut error) = (None, None, None);
    for part in query.split('&') {
        let (key, value) = part.split_once('=')?;
        let known = match key {
            "state" => &mut state,
            "code" => &mut code,
            "error" => &mut error,
            _ => continue,
        };
        if value.is_empty() || known.replace(value).is_some() {
            return None;
        }
    }
    let state = state.filter(|state| state.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
    let answer = match (code, error) {
        (Some(code), None) => SignInAnswer::Code(SecretText::new(decoded(code)?)),
        (None, Some(error)) => {
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if error.len() > 64 || !error.bytes().all(is_word) {
                return None;
            }
            SignInAnswer::Refused(error.to_owned())
        }
        _ => return None,
    };
    Some((state, answer))
}

/// A value of a query as it was before it was put there; only visible ASCII can be a code (RFC 6749, A.11).
fn decoded(value: &str) -> Option<String> {
    let mut text = String::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?].map(char::from);
                let [high, low] = digits.map(|digit| digit.to_digit(16));
                u8::try_from(high? * 16 + low?).ok()?
            }
            b'+' => b' ',
            byte => byte,
        };
        if !(byte.is_ascii_graphic() || byte == b' ') {
            return None;
        }
        text.push(char::from(byte));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(text: &str) -> SecretText {
        SecretText::new(text.to_owned())
    }

    #[tokio::test]
    async fn an_answer_reaches_the_sign_in_that_it_is_for_and_ends_it() {
        let all = SignIns::default();
        let (attic, cloud) = (all.begin("attic").unwrap(), all.begin("cloud").unwrap());
        assert_ne!(attic.state, cloud.state);
        let answer = format!(
            "tandem://sign-in?code=4%2F0Ab-c_d&state={}&scope=files&iss=https%3A%2F%2Fexample.org",
            cloud.state.expose()
        );
        assert_eq!(all.finish(&link(&answer)).unwrap(), "cloud");
        let code = SignInAnswer::Code(link("4/0Ab-c_d"));
        assert_eq!(cloud.answer().await, Some(code));
        // It is good for once.
        assert!(all.finish(&link(&answer)).is_err());

        let refused = format!(
            "tandem://sign-in/?error=access_denied&state={}",
            attic.state.expose()
        );
        assert_eq!(all.finish(&link(&refused)).unwrap(), "attic");
        let refused = SignInAnswer::Refused("access_denied".to_owned());
        assert_eq!(attic.answer().await, Some(refused));
    }

    #[tokio::test]
    async fn nobody_answers_a_sign_in_that_was_given_up() {
        let all = SignIns::default();
        let given_up = all.begin("attic").unwrap();
        let state = given_up.state.clone();
        drop(given_up);
        let answer = format!("tandem://sign-in?code=x&state={}", state.expose());
        let fault = all.finish(&link(&answer)).unwrap_err().failure();
        assert!(fault.message.ends_with("Nothing was done."), "{fault:?}");
        // There are never more than a few; the oldest goes.
        let first = all.begin("attic").unwrap();
        let rest: Vec<_> = (0..MOST).map(|_| all.begin("attic").unwrap()).collect();
        assert_eq!(first.answer().await, None);
        assert_eq!(all.lock().by_state.len(), rest.len());
    }

    #[test]
    fn everything_else_is_refused_and_ends_no_sign_in() {
        let all = SignIns::default();
        let waits = all.begin("attic").unwrap();
        let state = waits.state.expose();
        for text in [
            String::new(),
            "tandem:".to_owned(),
            "tandem://".to_owned(),
            "tandem://sign-in".to_owned(),
            format!("TANDEM://sign-in?code=x&state={state}"),
            format!("https://sign-in?code=x&state={state}"),
            format!("tandem://open?code=x&state={state}"),
            format!("tandem://sign-in.example.org?code=x&state={state}"),
            format!("tandem://user@sign-in?code=x&state={state}"),
            format!("tandem://sign-in:80?code=x&state={state}"),
            format!("tandem://sign-in/pair/remove?code=x&state={state}"),
            format!("tandem://sign-in?code=x&state={state}#fragment"),
            format!("tandem://sign-in?state={state}"),
            "tandem://sign-in?code=x".to_owned(),
            format!("tandem://sign-in?code=&state={state}"),
            format!("tandem://sign-in?code=x&code=y&state={state}"),
            format!("tandem://sign-in?code=x&state={state}&state=other"),
            format!("tandem://sign-in?code=x&error=denied&state={state}"),
            format!("tandem://sign-in?error=<b>&state={state}"),
            format!("tandem://sign-in?error={}&state={state}", "x".repeat(65)),
            format!("tandem://sign-in?code=%0a&state={state}"),
            format!("tandem://sign-in?code=%zz&state={state}"),
            format!("tandem://sign-in?code=%2&state={state}"),
            format!("tandem://sign-in?code=x y&state={state}"),
            format!("tandem://sign-in?code=\u{202e}&state={state}"),
            format!(
                "tandem://sign-in?code={}&state={state}",
                "x".repeat(LONGEST)
            ),
            format!(
                "tandem://sign-in?code=x&state={}",
                state.replace('a', "b") + "0"
            ),
            "tandem://sign-in?code=x&state=../../etc".to_owned(),
        ] {
            let fault = all.finish(&link(&text)).unwrap_err().failure();
            assert!(
                fault.message.contains("Nothing was done."),
                "{text}: {fault:?}"
            );
            assert!(!fault.message.contains(state), "{text}");
        }
        let answer = format!("tandem://sign-in?code=x&state={state}");
        assert_eq!(all.finish(&link(&answer)).unwrap(), "attic");
    }
    #[test]
    fn whatever_is_opened_a_link_has_a_plain_state_and_one_answer_or_is_none() {
        tandem_testkit::fuzz!("sign_in_link", |input: &[u8]| {
            let text = String::from_utf8_lossy(input);
            let Some((state, answer)) = read(&text) else {
                return;
            };
            assert!(state.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !state.is_empty());
            match answer {
                SignInAnswer::Code(code) => assert!(!code.expose().contains(char::is_control)),
                SignInAnswer::Refused(word) => assert!((1..=64).contains(&word.len())),
            }
        });
    }
}
