//! The service's answers as trees of elements. Its XML has no namespaces.

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

/// How deep an honest answer goes is 6.
const DEEPEST: usize = 16;

/// An element.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    /// Whether it says that its text is percent-encoded, as names are that XML cannot hold ("List Blobs", Remarks).
    pub(super) is_encoded: bool,
    /// What stands in it beside elements.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The first child called so.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children called so.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child called so, if there is any.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let text = self.child(name)?.text.as_str();
        (!text.is_empty()).then_some(text)
    }
}

/// The root element of an answer, or why it is none.
pub(super) fn read(body: &[u8]) -> Result<Element, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the answer is no UTF-8".to_owned())?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut open: Vec<Element> = vec![Element::default()];
    let said = |error: &dyn std::fmt::Display| error.to_string();
    loop {
        let event = reader.read_event().map_err(|error| said(&error))?;
        let more = match event {
            Event::Start(start) if open.len() < DEEPEST => {
                open.push(element(&start));
                continue;
            }
            Event::Start(_) => return Err("the answer has no end".to_owned()),
            Event::Empty(start) => {
                open.push(element(&start));
                close(&mut open);
                continue;
            }
            Event::End(_) => {
                close(&mut open);
                continue;
            }
            Event::Text(text) => text.decode().map_err(|error| said(&error))?.into_owned(),
            Event::CData(text) => text.decode().map_err(|error| said(&error))?.into_owned(),
            Event::GeneralRef(reference) => character(&reference)?.to_string(),
            Event::Eof => break,
            _ => continue,
        };
        if let Some(element) = open.last_mut() {
            element.text += &more;
        }
    }
    match &mut open[..] {
        [whole] => whole
            .children
            .pop()
            .ok_or_else(|| "the answer is empty".to_owned()),
        _ => Err("the answer is cut off".to_owned()),
    }
}

fn element(start: &BytesStart<'_>) -> Element {
    let encoded = start.try_get_attribute("Encoded").ok().flatten();
    Element {
        name: String::from_utf8_lossy(start.name().as_ref()).into_owned(),
        is_encoded: encoded.is_some_and(|value| value.value.as_ref() == b"true"),
        ..Element::default()
    }
}

fn close(open: &mut Vec<Element>) {
    // The reader itself compares names; the element that holds all never ends.
    if let Some(done) = open.pop()
        && let Some(parent) = open.last_mut()
    {
        parent.children.push(done);
    }
}

fn character(reference: &BytesRef<'_>) -> Result<char, String> {
    let numbered = reference
        .resolve_char_ref()
        .map_err(|error| error.to_string())?;
    if let Some(c) = numbered {
        return Ok(c);
    }
    match &**reference {
        b"amp" => Ok('&'),
        b"lt" => Ok('<'),
        b"gt" => Ok('>'),
        b"quot" => Ok('"'),
        b"apos" => Ok('\''),
        _ => Err("an entity that XML does not have".to_owned()),
    }
}

/// `text` as it stands in an element.
pub(super) fn escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_tree_with_its_text_as_it_was_written() {
        let body = b"\xef\xbb\xbf<?xml version=\"1.0\"?><A><Name> a&amp;b&#252; </Name><Name Encoded=\"true\">x%0A</Name><E/></A>";
        let root = read(body).unwrap();
        let names: Vec<_> = root
            .all("Name")
            .map(|name| (&*name.text, name.is_encoded))
            .collect();
        assert_eq!(names, [(" a&b\u{fc} ", false), ("x%0A", true)]);
        assert_eq!(root.text("E"), None);
        assert!(root.child("E").is_some());
    }

    #[test]
    fn what_is_cut_off_or_without_end_is_none() {
        let deep = "<a>".repeat(1_000);
        for body in ["", "<A><B></B>", "<A></B>", "&x;", "text", &deep] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
