//! The page's half of the interface, made from this one.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use ts_rs::{Config, TS, TypeVisitor};

/// The file, from this crate's folder.
const FILE: &str = "../../ui/src/bridge/generated.ts";
/// If it is set, the file is written instead of compared.
const WRITE: &str = "TANDEM_WRITE_BRIDGE";

/// TypeScript that is being made.
pub(super) struct PageHalf {
    config: Config,
    types: BTreeMap<String, String>,
    commands: String,
    events: String,
}

impl PageHalf {
    fn new() -> Self {
        Self {
            // Counts and sizes: JSON has no other numbers, and none of ours comes near 2^53.
            config: Config::new().with_large_int("number"),
            types: BTreeMap::new(),
            commands: String::new(),
            events: String::new(),
        }
    }

    /// How a type is written; it and all that it is made of are declared.
    pub(super) fn type_of<T: TS + 'static + ?Sized>(&mut self) -> String {
        self.visit::<T>();
        match T::name(&self.config) {
            // What `()` comes to in JSON.
            name if name == "null" => "null".to_owned(),
            name => name,
        }
    }

    /// Adds a command.
    pub(super) fn command(
        &mut self,
        doc: &[&str],
        name: &str,
        arguments: &[(&str, String)],
        answer: &str,
    ) {
        let camel = camel_case(name);
        let list: Vec<_> = arguments
            .iter()
            .map(|(name, kind)| format!("{name}: {kind}"))
            .collect();
        let names: Vec<_> = arguments.iter().map(|(name, _)| *name).collect();
        let (list, names) = (list.join(", "), names.join(", "));
        let _ = write!(
            self.commands,
            "\n{}  {camel}: ({list}) => call<{answer}>(\"{name}\", {{ {names} }}),\n",
            comment(doc, "  ")
        );
    }

    /// Adds an event.
    pub(super) fn event(&mut self, doc: &[&str], name: &str, payload: &str) {
        let _ = writeln!(self.events, "{}  {name}: {payload};", comment(doc, "  "));
    }

    fn text(self) -> String {
        let mut text = String::from(
            "// Made from crates/desktop/src/bridge by its tests. To make it anew after a change there:\n\
             // TANDEM_WRITE_BRIDGE=1 cargo test -p tandem-desktop page_half\n\n\
             import { call } from \"./call\";\n",
        );
        for declaration in self.types.values() {
            let _ = write!(text, "\nexport {declaration}\n");
        }
        let _ = write!(
            text,
            "\n/** What the page may ask for. */\nexport const commands = {{{}}};\n\
             \n/** What the page is told. */\nexport interface Events {{\n{}}}\n",
            self.commands, self.events
        );
        text
    }
}

impl TypeVisitor for PageHalf {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // Those of the language have no declaration of their own.
        if T::output_path().is_none() {
            T::visit_generics(self);
            return;
        }
        let name = T::ident(&self.config);
        if self.types.contains_key(&name) {
            T::visit_generics(self);
            return;
        }
        self.types
            .insert(name, on_fewer_lines(&T::decl(&self.config)));
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

/// A declaration with each comment on the line of what it is about.
fn on_fewer_lines(declaration: &str) -> String {
    let text = declaration
        .replace("/**\n * ", "/** ")
        .replace("\n */\n", " */ ")
        .replace("\n * ", " ");
    text.lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| {
        let (head, tail) = part.split_at(1);
        name + &head.to_uppercase() + tail
    })
}

fn comment(doc: &[&str], indent: &str) -> String {
    let lines: Vec<_> = doc.iter().map(|line| line.trim()).collect();
    format!("{indent}/** {} */\n", lines.join(" "))
}

#[test]
fn the_page_half_of_the_interface_is_as_generated() {
    let mut page = PageHalf::new();
    super::signatures(&mut page);
    super::events::event_types(&mut page);
    let text = page.text();
    let file = Path::new(FILE);
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(file, &text).unwrap();
    }
    let there = std::fs::read_to_string(file).unwrap_or_default();
    assert_eq!(there, text, "{WRITE}=1 writes {FILE} anew");
}
