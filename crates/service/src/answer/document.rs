//! Answers as the JSON documents of DESIGN 7: each with its schema, lists under their plural noun.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Answer;
use crate::fault::Failure;
use crate::update::Update;

/// The schema of every document.
const SCHEMA: u64 = 1;

/// An answer as a document.
#[must_use]
pub fn document(answer: &Answer) -> Value {
    let mut body = body(answer);
    let listed = match answer {
        Answer::Partial(answer, _) => &**answer,
        other => other,
    };
    if let Answer::Actions(log) = listed {
        set(&mut body, "older_left_out", &log.older_left_out);
    }
    with_schema(body)
}

/// An answer as the last line of a stream, of a command that ends with `exit`.
#[must_use]
pub fn summary(answer: &Answer, exit: u8) -> Value {
    let mut body = body(answer);
    body.insert("event".to_owned(), json!("summary"));
    body.insert("exit".to_owned(), json!(exit));
    with_schema(body)
}

fn body(answer: &Answer) -> Map<String, Value> {
    let mut body = Map::new();
    match answer {
        Answer::Partial(answer, left_out) => {
            body = self::body(answer);
            set(&mut body, "left_out", left_out);
        }
        Answer::Types(types) => set(&mut body, "types", types),
        Answer::Previews(pairs) => set(&mut body, "pairs", pairs),
        Answer::Synced(pairs) => set(&mut body, "pairs", pairs),
        Answer::Status(pairs) => set(&mut body, "pairs", pairs),
        Answer::Verified(pairs) => set(&mut body, "pairs", pairs),
        Answer::Actions(log) => {
            set(&mut body, "actions", &log.lines);
        }
        Answer::Doctor(doctor) => {
            set(&mut body, "checks", &doctor.checks);
            set(&mut body, "bundle", &doctor.bundle);
        }
        // The others are called by the word they stand under.
        other => {
            if let Ok(Value::Object(map)) = serde_json::to_value(other) {
                body = map;
            }
        }
    }
    body
}

/// An update as one line of a stream.
#[must_use]
pub fn line(update: &Update) -> Value {
    match serde_json::to_value(update) {
        Ok(Value::Object(map)) => with_schema(map),
        _ => with_schema(Map::new()),
    }
}

/// The error document.
#[must_use]
pub fn error_document(failure: &Failure) -> Value {
    let mut body = Map::new();
    set(&mut body, "error", failure);
    with_schema(body)
}

fn with_schema(mut body: Map<String, Value>) -> Value {
    body.insert("schema".to_owned(), json!(SCHEMA));
    Value::Object(body)
}

fn set(body: &mut Map<String, Value>, key: &str, value: &impl Serialize) {
    body.insert(
        key.to_owned(),
        serde_json::to_value(value).unwrap_or(Value::Null),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::LogLines;
    use crate::fault::Fault;

    #[test]
    fn documents_have_a_schema_and_lists_their_plural_noun() {
        for (answer, key) in [
            (Answer::Storages(vec![]), "storages"),
            (Answer::Pairs(vec![]), "pairs"),
            (Answer::Held(vec![]), "held"),
            (Answer::Conflicts(vec![]), "conflicts"),
            (Answer::Versions(vec![]), "versions"),
            (Answer::Actions(LogLines::default()), "actions"),
            (Answer::Status(vec![]), "pairs"),
            (Answer::Entries(vec![]), "entries"),
        ] {
            let document = document(&answer);
            assert_eq!(document["schema"], 1, "{key}");
            assert!(document[key].is_array(), "{key}: {document}");
        }
        let last = summary(&Answer::Synced(vec![]), 130);
        assert_eq!(
            (&last["event"], &last["exit"]),
            (&json!("summary"), &json!(130))
        );
    }

    #[test]
    fn an_error_has_the_keys_of_the_contract() {
        let document = error_document(&Fault::UnknownStorage("x".to_owned()).failure());
        for key in [
            "kind",
            "cause",
            "operation",
            "storage",
            "path",
            "message",
            "next_step",
        ] {
            assert!(
                document["error"].as_object().unwrap().contains_key(key),
                "{key}"
            );
        }
        assert_eq!(document["error"]["message"], "There is no storage “x”.");
    }
}
