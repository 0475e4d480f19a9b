//! Names that items bear only while others pass them: in a swap, in a cycle, or to free a name.
//!
//! Such a name says whose it is, so that after a crash in between nobody takes it for a name that a person gave.

use super::trees::ItemId;
use crate::path::Name;

const MARK: &str = " (swap ";

/// The most bytes of a name that are kept in front of the mark: the whole must fit everywhere.
const LONGEST_STEM: usize = 48;

/// An extension longer than this is none.
const LONGEST_EXTENSION: usize = 16;

/// So many names one item may bear for a while.
const MOST_NAMES: u32 = 1000;

/// The name that `item`, now called `name`, bears for a while; no other item's is the same.
#[must_use]
pub fn swap_name(name: &Name, item: ItemId) -> Option<Name> {
    swap_names(name, item).next()
}

/// Names that `item` may bear for a while, the usual one first. The others are for where something has that: a copy that
/// a move which was cut off left behind, or what a person called so.
pub fn swap_names(name: &Name, item: ItemId) -> impl Iterator<Item = Name> {
    let name = before_swap(name).unwrap_or_else(|| name.clone());
    let (stem, extension) = match name.split_extension() {
        (stem, extension) if extension.len() <= LONGEST_EXTENSION => (stem, extension),
        _ => (name.as_str(), ""),
    };
    let mut end = stem.len().min(LONGEST_STEM);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    let (before, after) = (
        format!("{}{MARK}{:x}", &stem[..end], item.0),
        format!("){extension}"),
    );
    (1..MOST_NAMES).filter_map(move |n| {
        let number = if n == 1 {
            String::new()
        } else {
            format!(" {n}")
        };
        Name::new(format!("{before}{number}{after}")).ok()
    })
}

/// Whether `now` is a name that `item`, which was called `was`, bears for a while.
pub(super) fn is_swap_name(was: &Name, item: ItemId, now: &Name) -> bool {
    let usual = swap_name(was, item);
    swapped_item(now) == Some(item) && usual.as_ref().and_then(before_swap) == before_swap(now)
}

/// Whose name for a while it is, if it is one.
pub(super) fn swapped_item(name: &Name) -> Option<ItemId> {
    let (at, end) = number_in(name.as_str())?;
    let item = name.as_str()[at..end].split(' ').next()?;
    i64::from_str_radix(item, 16).ok().map(ItemId)
}

/// The name before the swap, as far as it is told by the one for a while.
#[must_use]
pub fn before_swap(name: &Name) -> Option<Name> {
    let text = name.as_str();
    let (at, end) = number_in(text)?;
    Name::new(format!("{}{}", &text[..at - MARK.len()], &text[end + 1..])).ok()
}

/// Where the item's number is in a name for a while, with that of the name if it is not the usual one.
fn number_in(text: &str) -> Option<(usize, usize)> {
    // Nearly no name has a bracket, which is told sooner than that it lacks the mark.
    if !text.as_bytes().contains(&b'(') {
        return None;
    }
    let at = text.rfind(MARK)? + MARK.len();
    let end = at + text[at..].find(')')?;
    let (item, ordinal) = match text[at..end].split_once(' ') {
        Some((item, ordinal)) => (item, Some(ordinal)),
        None => (&text[at..end], None),
    };
    let is_item = !item.is_empty() && item.bytes().all(|b| b.is_ascii_hexdigit());
    let is_ordinal = ordinal.is_none_or(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    (is_item && is_ordinal && at > MARK.len()).then_some((at, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn a_name_for_a_while_says_whose_it_is_and_what_it_was() {
        for text in ["a", "a.txt", ".hidden", "x (swap).txt", "caf\u{e9} (1)"] {
            let swap = swap_name(&name(text), ItemId(0x2a)).unwrap();
            assert_eq!(swapped_item(&swap), Some(ItemId(0x2a)), "{swap}");
            assert_eq!(before_swap(&swap), Some(name(text)), "{swap}");
            assert_eq!(swap_name(&swap, ItemId(0x2a)), Some(swap));
        }
        for text in ["a", "a (swap).txt", "a (swap )", "a (swap x)", " (swap 1)"] {
            assert_eq!(swapped_item(&name(text)), None, "{text}");
        }
    }

    #[test]
    fn another_name_for_a_while_says_the_same() {
        let was = name("a.txt");
        for swap in swap_names(&was, ItemId(0x2a)).take(3) {
            assert_eq!(swapped_item(&swap), Some(ItemId(0x2a)), "{swap}");
            assert_eq!(before_swap(&swap), Some(was.clone()), "{swap}");
            assert!(is_swap_name(&was, ItemId(0x2a), &swap), "{swap}");
            assert!(!is_swap_name(&name("b.txt"), ItemId(0x2a), &swap), "{swap}");
            assert!(!is_swap_name(&was, ItemId(0x2b), &swap), "{swap}");
        }
        for text in [
            "a (swap 2a b)",
            "a (swap 2a )",
            "a (swap  2)",
            "a (swap 2 2 2)",
        ] {
            assert_eq!(swapped_item(&name(text)), None, "{text}");
        }
    }

    #[test]
    fn a_long_name_gives_a_short_one() {
        let long = name(&"\u{e9}".repeat(120));
        let swap = swap_name(&long, ItemId(i64::MAX)).unwrap();
        assert!(swap.as_str().len() < 80);
        assert_eq!(swapped_item(&swap), Some(ItemId(i64::MAX)));
    }
}
