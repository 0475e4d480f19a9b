//! A server that refuses, and repeats in its answers whatever it was sent: as it is, and as programs write it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::made_up::{self, Answer, Heard};

/// Of a text, the forms in which it is repeated.
pub(crate) type Forms = fn(&str) -> Vec<Vec<u8>>;

/// The server, for as long as the test runs. In the bucket `half` it keeps what is Tandem's own, lists nothing, and
/// refuses the rest; elsewhere it refuses everything.
pub(crate) struct Echo {
    endpoint: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    /// What was repeated, as it was sent.
    repeated: String,
    refusals: usize,
}

impl Echo {
    pub(crate) fn start(forms: Forms) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let endpoint = made_up::start(move |heard| shared.lock().unwrap().answer(heard, forms));
        Self { endpoint, state }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// All that was repeated, as it was sent.
    pub(crate) fn repeated(&self) -> String {
        self.state.lock().unwrap().repeated.clone()
    }
}

impl State {
    fn answer(&mut self, heard: &Heard, forms: Forms) -> Answer {
        if !heard.path.starts_with("/half") {
            self.refusals += 1;
            return self.refusal(heard, forms, self.refusals % 3);
        }
        match heard.method.as_str() {
            "PUT" if heard.path.contains(".tandem") => {
                self.objects.insert(heard.path.clone(), heard.body.clone());
                Answer::new(200, "etag: \"one\"\r\n", "")
            }
            "GET" if heard.query.contains("list-type") => Answer::new(
                200,
                "",
                "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
            ),
            "GET" | "HEAD" => match self.objects.get(&heard.path) {
                Some(body) => {
                    let headers =
                        "etag: \"one\"\r\nlast-modified: Fri, 20 Nov 2026 10:00:00 GMT\r\n";
                    Answer::new(200, headers, body.clone())
                }
                None => Answer::new(404, "", ""),
            },
            // Not the sign-in is refused there, but what is asked for.
            _ => self.refusal(heard, forms, 1),
        }
    }

    /// Says what was wrong with the request by repeating it, as the error `which` of three.
    fn refusal(&mut self, heard: &Heard, forms: Forms, which: usize) -> Answer {
        let header = |name: &str| heard.headers.get(name).cloned().unwrap_or_default();
        let (signed, token) = (header("authorization"), header("x-amz-security-token"));
        self.repeated.push_str(&format!("{signed} {token}\n"));
        let forms = forms(&token);
        let forms: Vec<_> = forms
            .iter()
            .map(|form| String::from_utf8_lossy(form))
            .collect();
        let said = escaped(&format!("{signed} {}", forms.join(" ")));
        let (status, code) = match which {
            0 => (403, "SignatureDoesNotMatch".to_owned()),
            1 => (400, escaped(&token)),
            _ => (400, "PermanentRedirect".to_owned()),
        };
        let body = format!(
            "<Error><Code>{code}</Code><Message>{said}</Message><CanonicalRequest>{said}</CanonicalRequest></Error>"
        );
        let headers =
            format!("x-amz-request-id: {token}\r\nlocation: http://127.0.0.1:9/{token}\r\n");
        Answer::new(status, &headers, body)
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('"', "&quot;")
}
