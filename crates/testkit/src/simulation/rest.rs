//! What holds whenever a run has come to rest.

use super::World;

impl World {
    pub(super) fn check_rest(&mut self) {
        let sides = [&self.sides.source, &self.sides.destination];
        for path in self.oracle.unwritten(&sides) {
            self.violation(format!("a content nobody wrote: {path}"));
        }
    }
}
