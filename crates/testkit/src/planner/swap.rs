//! What it is to a side that a person exchanges two names.

use tandem_core::capabilities::Ids;
use tandem_core::entry::{Kind, Revision};
use tandem_core::path::{Name, RelPath};
use tandem_core::side::Side;

use super::tree::{Body, Place, Tree, size_of};
use super::world::World;

/// Smaller files are not told by their content (DESIGN 4, step 3).
const LEAST_CONTENT: u64 = 1024;

/// A file that took the name of another one, and of which nothing on its side tells that it is not that one, edited.
#[derive(Debug, Clone)]
pub(super) struct Swapped {
    side: Side,
    place: Place,
    was: Spot,
    /// What it was.
    write: usize,
    thing: u32,
    /// What it is since.
    anew: usize,
}

/// Where a side showed a file, and as which.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Spot {
    folder: Place,
    name: Name,
    revision: Revision,
}

impl Spot {
    fn of(tree: &Tree, place: Place) -> Self {
        Self {
            folder: tree.items[place].parent,
            name: tree.items[place].name.clone(),
            revision: tree.revision(place),
        }
    }
}

impl World {
    pub(super) fn swap(&mut self, side: Side, a: &RelPath, b: &RelPath) -> bool {
        let tree = &mut self.sides[side];
        let (Some(first), Some(second)) = (tree.at(a), tree.at(b)) else {
            return false;
        };
        if tree.is_within(first, second) || tree.is_within(second, first) {
            return false;
        }
        let was = [first, second].map(|place| Spot::of(tree, place));
        let is_new_revision = tree.traits.move_gives_revision;
        for (place, there) in [(first, &was[1]), (second, &was[0])] {
            tree.relink(place, there.folder, there.name.clone(), is_new_revision);
        }
        self.swapped(side, [first, second], was);
        true
    }

    /// Where neither id nor content tells that a file went, it was written anew where it is now (DESIGN 4, step 3).
    fn swapped(&mut self, side: Side, places: [Place; 2], was: [Spot; 2]) {
        let tree = &self.sides[side];
        let bodies = places.map(|place| tree.items[place].body);
        let told = bodies.map(|body| match tree.traits.ids {
            Ids::Strong => true,
            Ids::Hint => {
                let is_known = tree.traits.hash.is_some() || self.hashed.contains(&body.content);
                is_known && size_of(body.content) >= LEAST_CONTENT
            }
            Ids::None => false,
        });
        let [a, b] = bodies;
        if a.kind != Kind::File || b.kind != Kind::File {
            return;
        }
        if a.content == b.content {
            if !told[0] {
                self.change_places(side, places);
            }
            return;
        }
        for (at, was) in was.into_iter().enumerate() {
            if !told[at] && !self.came_back(side, places[at]) {
                let other = 1 - at;
                let thing = (!told[other]).then_some(bodies[other].thing);
                self.written_anew(side, places[at], was, (&bodies[at], thing));
            }
        }
    }

    /// Of two files of one content nobody can tell that they were swapped.
    fn change_places(&mut self, side: Side, [first, second]: [Place; 2]) {
        let items = &mut self.sides[side].items;
        let [a, b] = [first, second].map(|place| items[place].body);
        (items[first].body.write, items[first].body.thing) = (b.write, b.thing);
        (items[second].body.write, items[second].body.thing) = (a.write, a.thing);
    }

    /// What was `old` is another thing where it is now: the one that was there before it, if that is not known to have
    /// gone elsewhere.
    fn written_anew(
        &mut self,
        side: Side,
        place: Place,
        was: Spot,
        (old, thing): (&Body, Option<u32>),
    ) {
        let mut there = self.sides[side.other()].items.iter();
        if there.any(|item| item.body.thing == old.thing) {
            self.swapped.push(old.thing);
        }
        let thing = thing.unwrap_or_else(|| self.new_thing());
        let anew = self.write(old.content, thing);
        let body = &mut self.sides[side].items[place].body;
        (body.write, body.thing) = (anew, thing);
        self.swaps.push(Swapped {
            side,
            place,
            was,
            write: old.write,
            thing: old.thing,
            anew,
        });
    }

    /// Whether a file is again where the last plan found it, and as that found it: then nobody can tell that it was gone.
    fn came_back(&mut self, side: Side, place: Place) -> bool {
        let (now, tree) = (Spot::of(&self.sides[side], place), &mut self.sides[side]);
        let body = &mut tree.items[place].body;
        let Some(at) = self.swaps.iter().position(|swap| {
            (swap.side, swap.place, swap.anew) == (side, place, body.write) && swap.was == now
        }) else {
            return false;
        };
        let swap = self.swaps.swap_remove(at);
        (body.write, body.thing) = (swap.write, swap.thing);
        self.unite(swap.anew, swap.write);
        true
    }

    /// What a person removes where it was swapped to cannot come back any more.
    pub(super) fn supersede_swapped(&mut self, anew: usize) {
        let gone = |swap: &Swapped| swap.anew == anew;
        if let Some(at) = self.swaps.iter().position(gone) {
            let swap = self.swaps.swap_remove(at);
            self.supersede(swap.write);
        }
    }

    /// What did not come back before the sides were looked at was written over.
    pub(super) fn swaps_were_seen(&mut self) {
        for swap in std::mem::take(&mut self.swaps) {
            self.supersede(swap.write);
        }
    }
}
