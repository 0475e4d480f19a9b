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

/// The name that `item`, now called `name`, bears for a while; no other item's is the same.
#[must_use]
pub fn swap_name(name: &Name, item: ItemId) -> Option<Name> {
    let name = before_swap(name).unwrap_or_else(|| name.clone());
    let (stem, extension) = match name.split_extension() {
        (stem, extension) if extension.len() <= LONGEST_EXTENSION => (stem, extension),
        _ => (name.as_str(), ""),
    };
    let mut end = stem.len().min(LONGEST_STEM);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    Name::new(format!("{}{MARK}{:x}){extension}", &stem[..end], item.0)).ok()
}

/// Whose name for a while it is, if it is one.
pub(super) fn swapped_item(name: &Name) -> Option<ItemId> {
    let (at, end) = number_in(name.as_str())?;
    i64::from_str_radix(&name.as_str()[at..end], 16)
        .ok()
        .map(ItemId)
}

/// The name before the swap, as far as it is told by the one for a while.
#[must_use]
pub fn before_swap(name: &Name) -> Option<Name> {
    let text = name.as_str();
    let (at, end) = number_in(text)?;
    Name::new(format!("{}{}", &text[..at - MARK.len()], &text[end + 1..])).ok()
}

/// Where the number is in a name for a while.
fn number_in(text: &str) -> Option<(usize, usize)> {
    let at = text.rfind(MARK)? + MARK.len();
    let end = at + text[at..].find(')')?;
    let digits = &text[at..end];
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    (is_number && at > MARK.len()).then_some((at, end))
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
    fn a_long_name_gives_a_short_one() {
        let long = name(&"\u{e9}".repeat(120));
        let swap = swap_name(&long, ItemId(i64::MAX)).unwrap();
        assert!(swap.as_str().len() < 80);
        assert_eq!(swapped_item(&swap), Some(ItemId(i64::MAX)));
    }
}
