//! What a person saves between the check and the change of any step is neither replaced unseen nor taken for in step
//! (P7).

#![allow(clippy::unwrap_used, reason = "a test")]

mod asked;
#[path = "../common/mod.rs"]
mod common;
mod places;
mod steps;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::side::Side;
use tandem_engine::report::Outcome;
use tandem_testkit::sim::Edit;

use common::{Source, World, capabilities, path};

/// What the person saves.
const SAVED: &str = "what a person saved meanwhile";

fn save(at: &str) -> Edit {
    Edit::Write {
        path: path(at),
        content: Bytes::from_static(SAVED.as_bytes()),
    }
}

fn rename(world: &World, from: &str, to: &str) {
    let (from, to) = (path(from), path(to));
    world.edit(Source, &Edit::Move { from, to });
}

fn with_a(world: &World) {
    world.write(Source, "a", "old");
    world.folder(Source, "d");
    world.write(Source, "d/x", "in a folder");
    world.sync();
}

/// Lets what can be done of `edits` happen at the destination between the check and the change of the next `operation`.
/// Answers whether it happened.
fn meanwhile(
    world: &World,
    side: Side,
    operation: &'static str,
    edits: Vec<Edit>,
) -> Arc<AtomicBool> {
    let storage = world.sides[side].clone();
    let happened = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&happened);
    let mut edits = Some(edits);
    world.sides[side].on_operation(Box::new(move |what, _| {
        if what == operation {
            for edit in edits.take().into_iter().flatten() {
                let is_done = storage.edit(&edit);
                told.fetch_or(is_done, Ordering::Relaxed);
            }
        }
    }));
    happened
}

fn has(world: &World, side: Side, content: &str) -> bool {
    let mut paths = world.paths(side).into_iter();
    paths.any(|at| world.text(side, &at).as_deref() == Some(content))
}

/// Whether the log tells that something was not done, for it was not as it had been seen.
fn lost_race(world: &World) -> bool {
    let mut log = world.log().into_iter();
    log.any(|line| line.outcome == Outcome::LostRace)
}

/// Each item of a side with its content.
fn all(world: &World, side: Side) -> Vec<(String, Option<String>)> {
    let paths = world.paths(side).into_iter();
    paths
        .map(|at| (world.text(side, &at), at))
        .map(|(text, at)| (at, text))
        .collect()
}

fn shape(ids: Ids, folder_move: bool) -> Capabilities {
    Capabilities {
        folder_move,
        ..capabilities(ids)
    }
}
