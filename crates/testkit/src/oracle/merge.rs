//! Which texts a text is the merge of, found by merging them again.

use std::collections::{BTreeMap, BTreeSet};

use tandem_core::merge::merge_text;

use crate::sim::Blob;

type Hash = [u8; 32];

/// The two of `texts` that `content` is the merge of, with some third one as their base; `None` if there are none.
pub(super) fn parents(texts: &BTreeMap<Hash, Blob>, content: &Blob) -> Option<[Hash; 2]> {
    let merged = lines(content);
    // What a merge takes from a text are whole lines of it.
    let near: Vec<&Blob> = texts
        .values()
        .filter(|text| !lines(text).is_disjoint(&merged))
        .collect();
    for base in &near {
        for one in &near {
            for other in &near {
                let [base, ours, theirs] = [base, one, other].map(|text| text.bytes());
                if merge_text(base, ours, theirs).is_some_and(|text| text == *content.bytes()) {
                    return Some([one.hash(), other.hash()]);
                }
            }
        }
    }
    None
}

fn lines(text: &Blob) -> BTreeSet<&[u8]> {
    text.bytes()
        .split_inclusive(|byte| *byte == b'\n')
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "1\n2\n3\n4\n5\n";
    const LEFT: &str = "one\n2\n3\n4\n5\n";
    const RIGHT: &str = "1\n2\n3\n4\nfive\n";

    fn texts() -> BTreeMap<Hash, Blob> {
        let texts = [BASE, LEFT, RIGHT, "of nobody else\n"].map(Blob::new);
        texts.into_iter().map(|text| (text.hash(), text)).collect()
    }

    #[test]
    fn a_merge_is_found_with_what_it_was_made_of() {
        let merged = Blob::new("one\n2\n3\n4\nfive\n");
        let mut found = parents(&texts(), &merged).expect("it is a merge");
        let mut made_of = [LEFT, RIGHT].map(|text| Blob::new(text).hash());
        found.sort_unstable();
        made_of.sort_unstable();
        assert_eq!(found, made_of);
    }

    #[test]
    fn half_of_a_text_and_half_of_another_are_no_merge() {
        for text in [
            "one\n2\n3\n",
            "one\n2\n3\n4\nfi",
            "one\n2\nof nobody else\n",
        ] {
            assert_eq!(parents(&texts(), &Blob::new(text)), None, "{text}");
        }
    }
}
