//! A destination as flat as an object store: what is hidden there is not gone.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use bytes::Bytes;
use common::{Destination, SEEDS, Source, World, capabilities, path};
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_testkit::sim::Edit;

fn to_a_flat_store(seed: u64) -> World {
    World::of(
        seed,
        |_| {},
        |side| match side {
            Source => capabilities([Ids::Strong, Ids::None, Ids::Hint][seed as usize % 3]),
            Destination => Capabilities {
                empty_folders: seed.is_multiple_of(2),
                folder_move: false,
                ..capabilities(Ids::None)
            },
        },
    )
}

#[test]
fn a_file_that_a_folder_of_its_name_hides_is_not_deleted() {
    for seed in SEEDS {
        let world = to_a_flat_store(seed);
        world.write(Source, "k", "precious");
        world.write(Source, "beside", "it");
        world.sync();

        let (path, content) = (path("k/below"), Bytes::from_static(b"another program's"));
        world.edit(Destination, &Edit::Shadow { path, content });
        world.sync();
        world.still();
        world.has(Source, "k", Some("precious"));

        // An edit that nobody can see a place for waits.
        world.write(Source, "k", "edited");
        world.sync();
        world.has(Source, "k", Some("edited"));
        world.has(Destination, "k/below", Some("another program's"));

        let path = common::path("k");
        world.edit(Destination, &Edit::DeleteTree { path });
        world.sync();
        world.sync();
        world.both_have("k", Some("edited"));
        world.still();
    }
}
