//! What people do to a folder, drawn from a seed, and the passes that follow.

use std::collections::BTreeSet;
use std::path::Path;

use crate::program::{Device, files};

/// Numbers drawn from a seed.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    /// One below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // SplitMix64: https://prng.di.unimi.it/splitmix64.c
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// So many edits in a folder; every content written is unlike all others. What a person wrote over or deleted is asked
/// for by nobody.
pub(crate) fn edit(
    folder: &Path,
    side: &str,
    (round, steps): (u64, u64),
    draw: &mut Draw,
    written: &mut BTreeSet<Vec<u8>>,
) {
    let there: Vec<String> = files(folder).into_keys().collect();
    for step in 0..steps {
        let content = format!("{side} {round} {step} ").repeat(200).into_bytes();
        let existing =
            (!there.is_empty()).then(|| there[draw.below(there.len() as u64) as usize].clone());
        match (draw.below(5), existing) {
            (0, Some(name)) => {
                // Deleted by a person: nobody asks for it any more.
                if let Ok(old) = std::fs::read(folder.join(&name)) {
                    written.remove(&old);
                }
                let _ = std::fs::remove_file(folder.join(name));
            }
            (1, Some(name)) => {
                let to = folder.join(format!("moved {side} {round} {step}"));
                let _ = std::fs::rename(folder.join(name), to);
            }
            (2 | 3, Some(name)) if folder.join(&name).exists() => {
                if let Ok(old) = std::fs::read(folder.join(&name)) {
                    written.remove(&old);
                }
                std::fs::write(folder.join(name), &content).unwrap();
                written.insert(content);
            }
            _ => {
                let place = folder.join(format!("folder {}", draw.below(3)));
                std::fs::create_dir_all(&place).unwrap();
                std::fs::write(place.join(format!("new {side} {round} {step}")), &content).unwrap();
                written.insert(content);
            }
        }
    }
}

/// The next pass finishes. Deletes that pile up within an hour are held: whoever made them lets them pass.
pub(crate) fn finish(device: &Device, pair: &str) {
    for _ in 0..5 {
        if device.run(&["sync", pair]).status.code() != Some(3) {
            break;
        }
        for hold in device.json(&["held"])["held"].as_array().unwrap() {
            device.ok(&["approve", hold["id"].as_str().unwrap()]);
        }
    }
    device.ok(&["sync", pair]);
    assert_eq!(
        device.sync(pair)["done"],
        0,
        "and the one after it has nothing to do"
    );
}
