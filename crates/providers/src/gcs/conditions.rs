//! Tags, and preconditions ("Request preconditions", request-preconditions).
//!
//! A tag is `METAGENERATION.GENERATION`. A generation is given out with new content, and within one the metageneration
//! counts changes of metadata, so that together they name one state. The generation comes last: it is what a probe alters.

use crate::objects::guard::Guard;

/// The tag of a state.
pub(super) fn tag(generation: &str, metageneration: &str) -> String {
    format!("{metageneration}.{generation}")
}

/// Metageneration and generation in a tag. One that the service never gave names a state that nothing has.
pub(super) fn numbers(tag: &str) -> (&str, &str) {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    tag.split_once('.')
        .filter(|(metageneration, generation)| is_number(metageneration) && is_number(generation))
        .unwrap_or(("0", "1"))
}

/// The parameters that ask for what must be at the target.
pub(super) fn of_target(guard: &Guard) -> Vec<(&'static str, String)> {
    match guard {
        Guard::Any => Vec::new(),
        Guard::Absent => vec![("ifGenerationMatch", "0".to_owned())],
        Guard::Tag(tag) => {
            let (metageneration, generation) = numbers(tag);
            vec![
                ("ifGenerationMatch", generation.to_owned()),
                ("ifMetagenerationMatch", metageneration.to_owned()),
            ]
        }
    }
}

/// The parameters that ask for what must be at the source of a copy.
pub(super) fn of_source(tag: &str) -> Vec<(&'static str, String)> {
    let (metageneration, generation) = numbers(tag);
    vec![
        ("ifSourceGenerationMatch", generation.to_owned()),
        ("ifSourceMetagenerationMatch", metageneration.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_one_state_or_none() {
        let asked = |guard: &Guard| {
            let pairs = of_target(guard).into_iter();
            pairs.map(|(_, value)| value).collect::<Vec<_>>()
        };
        assert_eq!(asked(&Guard::Tag(tag("17", "2"))), ["17", "2"]);
        assert_eq!(asked(&Guard::Absent), ["0"]);
        for made_up in ["", "17", "2.", "x.17", "2.17.1"] {
            assert_eq!(
                asked(&Guard::Tag(made_up.to_owned())),
                ["1", "0"],
                "{made_up}"
            );
        }
    }
}
