//! `docs/providers.md`, out of what providers say of themselves and what conformance runs came to.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use tandem_core::capabilities::{
    AtomicWrite, Capabilities, CaseRule, Ids, ListingConsistency, UnicodeRule,
};
use tandem_core::storage::{Descriptor, FieldKind, Provider};
use tandem_testkit::conformance::{CASES, Losses};

use crate::results::{self, ConformanceResult};

const HEAD: &str = "# Providers

What each provider can do, and how that is known. This page is written by `./dev conformance --record`, from what the
providers say of themselves and from what the conformance suite came to (`docs/conformance`); a test fails if anything
else stands here.

A capability of a family is *proven* against the servers named above its column: what the storage's own test found there
is what the suite then relied on. No suite ran against a service that wants an account: those are *unproven*, and what
`tandem storage test` finds when one is added is what counts there.

*Lost* is what [two writers at once](without-conditions.md) lost where a server keeps to no condition: each wrote the
same 20 files over and over, with no pause between. It is a content that nobody who saw it replaced and that is found
nowhere. What is written on this computer is never among it.
";

/// The whole page.
pub(crate) fn render(
    providers: &[Arc<dyn Provider>],
    results: &[ConformanceResult],
    losses: &[Losses],
) -> String {
    let mut page = HEAD.to_owned();
    let mut families: Vec<(&str, Vec<&Descriptor>)> = Vec::new();
    for provider in providers {
        let descriptor = provider.descriptor();
        match families
            .iter_mut()
            .find(|(name, _)| *name == descriptor.family)
        {
            Some((_, members)) => members.push(descriptor),
            None => families.push((descriptor.family, vec![descriptor])),
        }
    }
    for (family, members) in families {
        let of_member = |result: &&ConformanceResult| {
            members.iter().any(|one| one.type_name == result.provider)
        };
        let proofs: Vec<_> = results.iter().filter(of_member).collect();
        write_family(&mut page, family, &members, &proofs, losses);
    }
    page
}

fn write_family(
    page: &mut String,
    family: &str,
    members: &[&Descriptor],
    proofs: &[&ConformanceResult],
    losses: &[Losses],
) {
    let title = members[0].title;
    let heading = if members.len() == 1 {
        title.to_owned()
    } else {
        format!("{title} and its family ({family})")
    };
    let _ = writeln!(page, "\n## {heading}\n");
    let _ = writeln!(
        page,
        "| type | what it is | needs | may have | proven against |"
    );
    let _ = writeln!(page, "|---|---|---|---|---|");
    for member in members {
        let keys = |needed: bool| {
            let fields = member
                .fields
                .iter()
                .filter(|field| field.required == needed);
            let keys: Vec<_> = fields
                .map(|field| {
                    let note = match field.kind {
                        _ if field.secret => " (secret)".to_owned(),
                        FieldKind::Choice(choices) => format!(" ({})", choices.join(", ")),
                        _ => String::new(),
                    };
                    format!("`{}`{note}", field.key)
                })
                .collect();
            keys.join(", ")
        };
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} |",
            member.type_name,
            linked(member),
            keys(true),
            keys(false),
            proven(member, members, proofs)
        );
    }
    if proofs.is_empty() {
        return;
    }
    write_capabilities(page, proofs, losses);
    write_checks(page, proofs);
}

/// The title, leading to the page of the type or of its family where there is one.
fn linked(descriptor: &Descriptor) -> String {
    let names = [descriptor.type_name, descriptor.family];
    let mut files = names.iter().map(|name| format!("{name}.md"));
    match files.find(|file| results::pages().join(file).is_file()) {
        Some(file) => format!("[{}](providers/{file})", descriptor.title),
        None => descriptor.title.to_owned(),
    }
}

/// How it is proven. A row of a family is proven only as far as its provider is.
fn proven(member: &Descriptor, members: &[&Descriptor], proofs: &[&ConformanceResult]) -> String {
    let needs_account = member
        .fields
        .iter()
        .any(|field| field.secret && field.required);
    match (proofs.is_empty(), needs_account, members.len()) {
        (true, ..) => "unproven".to_owned(),
        (false, true, 2..) => "the servers below; the service itself is unproven".to_owned(),
        (false, ..) => {
            let servers: Vec<_> = proofs.iter().map(|proof| &*proof.server).collect();
            servers.join("; ")
        }
    }
}

fn write_capabilities(page: &mut String, proofs: &[&ConformanceResult], losses: &[Losses]) {
    let _ = write!(page, "\n| capability |");
    for proof in proofs {
        let _ = write!(page, " {} |", proof.server);
    }
    let _ = writeln!(page, "\n|---|{}", "---|".repeat(proofs.len()));
    let columns: Vec<_> = proofs
        .iter()
        .map(|proof| lines(&proof.capabilities))
        .collect();
    for (row, (name, _)) in columns[0].iter().enumerate() {
        let _ = write!(page, "| {name} |");
        for column in &columns {
            let _ = write!(page, " {} |", column[row].1);
        }
        let _ = writeln!(page);
    }
    let _ = write!(page, "| lost when both sides write at once |");
    for proof in proofs {
        let _ = write!(page, " {} |", lost(proof, losses));
    }
    let _ = writeln!(page);
}

/// What the names of servers have in them that keep to no condition, and on which nobody counted what is lost; and why
/// not.
const UNCOUNTED: [(&str, &str); 4] = [
    (
        "by portable calls alone",
        "not run: what somebody wrote in between is displaced and kept",
    ),
    (
        "s3s-fs",
        "not run: outside of the suite its conditions are relied on; of 8 writers in the same moment 2 to 5 get through",
    ),
    (
        "gcp-storage-emulator",
        "not run: the service that it stands for keeps to conditions",
    ),
    (
        "container with versions",
        "not run: the container keeps what is replaced",
    ),
];

/// # Panics
/// If no reason is given: count what is lost (`end_to_end/losses.rs`), or say why that is not done.
fn uncounted(server: &str) -> &'static str {
    let mut all = UNCOUNTED.iter();
    let found = all.find(|(name, _)| server.contains(name));
    found.map(|(_, why)| *why).unwrap_or_else(|| {
        panic!("{server} keeps to no condition; nobody counted what is lost there, or said why not")
    })
}

/// What was lost on a server, where that can be.
fn lost(proof: &ConformanceResult, losses: &[Losses]) -> String {
    let is_of = |losses: &&Losses| {
        (&losses.proof.provider, &losses.proof.server) == (&proof.provider, &proof.server)
    };
    match losses.iter().find(is_of) {
        Some(losses) => format!("{} of {} edits", losses.lost, losses.edits),
        None if proof.capabilities.conditions.replace => {
            "not run: it keeps to conditions".to_owned()
        }
        None => uncounted(&proof.server).to_owned(),
    }
}

fn write_checks(page: &mut String, proofs: &[&ConformanceResult]) {
    let _ = writeln!(
        page,
        "\n| checks | kept | skipped | failed by the server's fault |"
    );
    let _ = writeln!(page, "|---|---|---|---|");
    for proof in proofs {
        let skipped: usize = proof.skipped.values().map(Vec::len).sum();
        let (kept, excused) = (proof.kept, proof.excused.len());
        let new = CASES.len().saturating_sub(kept + skipped + excused);
        let note = if new == 0 {
            String::new()
        } else {
            format!("; {new} are newer than this run")
        };
        let _ = writeln!(
            page,
            "| {}{note} | {kept} | {skipped} | {excused} |",
            proof.server
        );
    }
    let mut skipped: BTreeMap<(&str, &[String]), Vec<&str>> = BTreeMap::new();
    let mut excused: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for proof in proofs {
        for (why, cases) in &proof.skipped {
            skipped.entry((why, cases)).or_default().push(&proof.server);
        }
        for (case, why) in &proof.excused {
            excused.entry((why, case)).or_default().push(&proof.server);
        }
    }
    if !skipped.is_empty() {
        let _ = writeln!(page, "\nSkipped, and why:\n");
    }
    for ((why, cases), servers) in skipped {
        let _ = writeln!(
            page,
            "- {why} ({}): {}",
            servers.join("; "),
            cases.join(", ")
        );
    }
    if !excused.is_empty() {
        let _ = writeln!(page, "\nFailed by the server's fault:\n");
    }
    for ((why, case), servers) in excused {
        let _ = writeln!(page, "- {case} ({}): {why}", servers.join("; "));
    }
}

/// A line for each capability, the same lines for all.
fn lines(of: &Capabilities) -> Vec<(&'static str, String)> {
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let conditions = &of.conditions;
    vec![
        ("creates only what is absent", yes(conditions.create)),
        ("replaces only what is expected", yes(conditions.replace)),
        (
            "finishes an upload in parts only so",
            yes(conditions.finish_multipart),
        ),
        ("copies only so", yes(conditions.copy)),
        ("moves only so", yes(conditions.move_)),
        ("deletes only so", yes(conditions.delete)),
        (
            "old or new, never a part",
            match of.atomic_write {
                AtomicWrite::Yes => "yes",
                AtomicWrite::ByMove => "uploaded aside and moved",
                AtomicWrite::No => "no",
            }
            .to_owned(),
        ),
        (
            "two writes are told apart after",
            apart(of.revision_granularity),
        ),
        (
            "another revision is another content",
            yes(of.revision_is_content),
        ),
        (
            "hashes without reading",
            none_or(
                of.hashes
                    .iter()
                    .map(|hash| format!("{hash:?}").to_lowercase()),
            ),
        ),
        (
            "ids",
            match of.ids {
                Ids::None => "none",
                Ids::Hint => "hint",
                Ids::Strong => "strong",
            }
            .to_owned(),
        ),
        (
            "listings",
            match of.listing {
                ListingConsistency::Strong => "current",
                ListingConsistency::Eventual => "may lag behind",
            }
            .to_owned(),
        ),
        ("change feed", yes(of.feed)),
        (
            "lists only folders below which something changed",
            yes(of.folder_revision_covers_subtree && !of.feed),
        ),
        ("tells changes as they happen", yes(of.waiting)),
        ("atomic moves", yes(of.atomic_move)),
        ("moves folders at once", yes(of.folder_move)),
        ("copies on the server", yes(of.server_copy)),
        ("reads ranges", yes(of.ranges)),
        (
            "uploads in parts",
            of.parts.map_or("no".to_owned(), |parts| {
                format!(
                    "{} to {}, at most {}",
                    bytes(parts.smallest),
                    bytes(parts.largest),
                    parts.most
                )
            }),
        ),
        (
            "largest file",
            of.largest_file.map_or("no limit known".to_owned(), bytes),
        ),
        ("trash", yes(of.trash)),
        ("versions", yes(of.versions)),
        ("mtime", yes(of.mtime)),
        ("executable bit", yes(of.executable)),
        ("symbolic links", yes(of.symlinks)),
        ("empty folders", yes(of.empty_folders)),
        (
            "case of names",
            match of.case {
                CaseRule::Sensitive => "counts",
                CaseRule::Insensitive => "does not count",
            }
            .to_owned(),
        ),
        (
            "Unicode form of names",
            match of.unicode {
                UnicodeRule::Exact => "counts",
                UnicodeRule::Folding => "does not count",
            }
            .to_owned(),
        ),
        ("quota", yes(of.quota)),
    ]
}

fn none_or(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    if items.is_empty() {
        "none".to_owned()
    } else {
        items.join(", ")
    }
}

fn apart(nanos: u64) -> String {
    match nanos {
        0 => "at once".to_owned(),
        1..1_000_000_000 => format!("{} ms", nanos.div_ceil(1_000_000)),
        _ => format!("{} s", nanos.div_ceil(1_000_000_000)),
    }
}

fn bytes(count: u64) -> String {
    for (unit, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)] {
        if count >= 1 << shift {
            let tenths = (u128::from(count) * 10) >> shift;
            return match tenths % 10 {
                0 => format!("{} {unit}", tenths / 10),
                _ => format!("{}.{} {unit}", tenths / 10, tenths % 10),
            };
        }
    }
    format!("{count} B")
}
