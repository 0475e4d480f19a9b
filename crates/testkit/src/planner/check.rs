//! What must hold, of every plan, of every action, and at rest.

use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::entry::{Entry, HashKind, Kind};
use tandem_core::plan::{Action, BaseItem, Deed, Equality, ItemId, Plan, Reason, before_swap};
use tandem_core::policy::{Compare, Mode, Policy};
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::Expected;

use super::carry::Carried;
use super::coverage::Coverage;
use super::state::{State, same_stamp};
use super::tree::{Body, Place, Tree, hash_of};
use super::world::{Taken, World};

/// Says what is wrong.
#[derive(Debug, Default)]
pub(super) struct Judge {
    pub(super) violations: Vec<String>,
    pub(super) coverage: Coverage,
}

impl Judge {
    pub(super) fn violation(&mut self, text: String) {
        self.violations.push(text);
    }

    /// A plan was made of what was just looked at.
    pub(super) fn planned(
        &mut self,
        plan: &Plan,
        (state, folders): (&State, &PerSide<Vec<(ItemId, Place)>>),
        world: &World,
    ) {
        self.coverage.conflicts(plan);
        let first_delete = plan.actions.iter().position(is_delete);
        if first_delete.is_some_and(|at| !plan.actions[at..].iter().all(is_delete)) {
            self.violation(
                "a delete is planned before something else (DESIGN 4, step 5)".to_owned(),
            );
        }
        for action in &plan.actions {
            let base = state.base_item(action.standing.item);
            if is_delete(action) {
                self.planned_delete(action, plan, (state, folders), world);
            }
            self.planned_move(action, base, (folders, world));
        }
    }

    /// Nothing is deleted of which the other side shows what it always had, whether it could be looked at or not
    /// (P10), and each delete asks once more whether it is still absent where it was deleted.
    fn planned_delete(
        &mut self,
        action: &Action,
        plan: &Plan,
        (state, folders): (&State, &PerSide<Vec<(ItemId, Place)>>),
        world: &World,
    ) {
        // What a mirror's follower has too much is another thing: there no delete is carried.
        let (Deed::Delete { at, absent, .. }, Reason::DeletedOn(_)) = (&action.deed, action.reason)
        else {
            return;
        };
        if absent.is_none() {
            let text = format!("deletes {:?} and asks nothing of the other side", at.path);
            self.violation(text);
        }
        let other = action.side.other();
        let (tree, item) = (&world.sides[other], action.standing.item);
        // What moved with its folder into one that could not be looked into nobody can see.
        let stays = is_followed(action, plan)
            && stands_in_its_folder(state, tree, other, item).is_some_and(|place| {
                let folder = tree.items[place].parent;
                folders[other].iter().any(|(_, listed)| *listed == folder)
            });
        if stays || is_as_ever(state, tree, other, item) {
            self.violation(format!(
                "plans to delete {:?} of the {}, which the other side has as ever",
                at.path, action.side
            ));
        }
    }

    /// An action was carried out.
    pub(super) fn carried(
        &mut self,
        action: &Action,
        carried: &Carried,
        policy: &Policy,
        world: &World,
    ) {
        if action.touches() && policy.mode.leader() == Some(action.side) {
            self.violation(format!("changes the leading side: {:?}", action.deed));
        }
        if action.expected() == Expected::Any {
            self.violation(format!("expects nothing: {:?}", action.deed));
        }
        if is_delete(action) && policy.mode.is_backup() {
            self.violation(format!("deletes in a backup: {:?}", action.deed));
        }
        for (body, taken) in &carried.taken {
            match taken {
                Taken::LostUnseen => self.violation(format!(
                    "lost {} by {:?} {:?} (P1 a)",
                    body.content, action.reason, action.deed
                )),
                Taken::LostSuperseded => self.violation(format!(
                    "lost {} by {:?} {:?} (P1 b)",
                    body.content, action.reason, action.deed
                )),
                Taken::Accounted | Taken::OnlyKept => {}
            }
            // A loser that was in versions before has lost; what an action itself sets aside it takes from people.
            let nobody_did = *taken == Taken::OnlyKept && !world.is_superseded(body.write);
            if is_delete(action) && policy.mode == Mode::TwoWay && nobody_did {
                self.violation(format!(
                    "deletes {}, which nobody deleted: {:?} {:?}",
                    body.content, action.reason, action.deed
                ));
            }
        }
    }

    /// What moves after the other side is what moved there, or has its content (DESIGN 4, step 3): an id that was
    /// given again is another thing.
    fn planned_move(
        &mut self,
        action: &Action,
        base: Option<&BaseItem>,
        (folders, world): (&PerSide<Vec<(ItemId, Place)>>, &World),
    ) {
        let (Deed::Move { to, .. }, Reason::MovedOn(mover)) = (&action.deed, action.reason) else {
            return;
        };
        // What bears a name for a while goes back to where the mover always had it.
        let tree = &world.sides[mover];
        let was = base.filter(|base| before_swap(&base.name).is_none());
        let was = was.and_then(|base| base.entries[mover].as_ref());
        let there = action.standing.places[mover].as_ref();
        let (Some(was), Some((folder, name))) = (was, there) else {
            return;
        };
        let Some((_, folder)) = folders[mover].iter().find(|(id, _)| id == folder) else {
            return;
        };
        let Some(now) = was.id.as_ref().and_then(|id| tree.by_id(id)) else {
            return;
        };
        let old = tree.body_of(was);
        let is_it = tree.items[now].name == *name && tree.items[now].parent == *folder;
        let is_another = is_it
            && old.is_some_and(|old| {
                let new = &tree.items[now].body;
                let hash = hash_of(new.content, HashKind::Blake3);
                // Of folders only what is in them tells, which is judged by itself.
                let is_equal = new.kind == old.kind
                    && (new.kind != Kind::File || was.hash(HashKind::Blake3) == Some(&hash));
                old.thing != new.thing && !is_equal
            });
        if is_another {
            self.violation(format!("moves to {to:?} after another thing"));
        }
    }

    /// An item was noted as in step, or moved after the other side. `bodies` are what both sides had when it was
    /// planned.
    pub(super) fn noted(
        &mut self,
        action: &Action,
        bodies: PerSide<(Place, Body)>,
        (policy, capabilities): (&Policy, &PerSide<Capabilities>),
        world: &mut World,
    ) {
        let (a, b) = (bodies.source.1, bodies.destination.1);
        let Deed::Adopt {
            equality,
            source,
            destination,
            unchanged:
                PerSide {
                    source: true,
                    destination: true,
                },
        } = &action.deed
        else {
            // A copy for which the original was deleted is as good as a move; and what a backup leaves edited on its
            // follower is noted for its place only.
            if (a.kind, a.content) == (b.kind, b.content) {
                world.joined(bodies.source, bodies.destination);
            }
            return;
        };
        let differ = a.kind != b.kind
            || match a.kind {
                Kind::File => !world.are_alike(a.content, b.content),
                Kind::Symlink => a.content != b.content,
                Kind::Folder | Kind::Opaque => false,
            };
        let is_chosen = matches!(equality, Some(Equality::SizeAndTime | Equality::Adopted))
            && a.kind == b.kind
            && seems_equal(source, destination, policy.compare, capabilities);
        if differ && !is_chosen {
            self.violation(format!(
                "notes {} and {} as in step: {:?}",
                a.content, b.content, action.deed
            ));
        }
        world.joined(bodies.source, bodies.destination);
    }
}

/// Whether a side shows an item as when it was in step, in the folder where it was: where ids tell, one that has only
/// that folder's name is another.
fn is_as_ever(state: &State, tree: &Tree, side: Side, item: ItemId) -> bool {
    let place = state.base_path(side, item).and_then(|path| {
        let place = tree.at(&path)?;
        (tree.path(place) == path).then_some(place)
    });
    let Some(place) = place else { return false };
    if has_become_another(state, side, item) {
        return false;
    }
    let mut above = (item, place);
    std::iter::from_fn(|| {
        let (id, place) = above;
        let base = state.base_item(id)?;
        above = (base.parent, tree.items[place].parent);
        Some((base, place))
    })
    .all(|(base, place)| {
        let was = base.entries[side].as_ref();
        let is_folder_above = base.id != item;
        was.is_some_and(|was| {
            let now = tree.entry(place);
            if is_folder_above {
                tree.traits.ids != Ids::Strong || now.id == was.id
            } else {
                same_stamp(&now, was)
            }
        })
    })
}

/// Whether the folder of what is deleted goes where the other side has it: one that this side cannot hold there leaves
/// the pair, with all in it.
fn is_followed(delete: &Action, plan: &Plan) -> bool {
    let moves = plan.actions.iter().filter(|a| {
        let is_move = matches!(a.deed, Deed::Move { .. });
        is_move && a.side == delete.side && matches!(a.reason, Reason::MovedOn(_))
    });
    let folder = delete.standing.places[delete.side]
        .as_ref()
        .map(|(id, _)| *id);
    moves
        .map(|a| a.standing.item)
        .any(|moved| Some(moved) == folder)
}

const fn is_delete(action: &Action) -> bool {
    matches!(action.deed, Deed::Delete { .. })
}

/// Whether what a side had of the item is another item by now: what had been seen of it was not known to be it.
fn has_become_another(state: &State, side: Side, item: ItemId) -> bool {
    let id_of = |base: &BaseItem| base.entries[side].as_ref()?.id.clone();
    let was = state.base_item(item).and_then(id_of);
    let mut others = state.base.iter().filter(|base| base.id != item);
    was.is_some() && others.any(|base| id_of(base) == was)
}

/// Where a side that tells items by their ids has a file as when it was in step, in the folder that it was in, wherever
/// that is now.
fn stands_in_its_folder(state: &State, tree: &Tree, side: Side, item: ItemId) -> Option<Place> {
    let base = state.base_item(item)?;
    let was = base.entries[side].as_ref()?;
    if tree.traits.ids != Ids::Strong || base.kind != Kind::File {
        return None;
    }
    let place = tree.by_id(was.id.as_ref()?)?;
    let folder = state.base_item(base.parent)?.entries[side].as_ref()?;
    let parent = tree.items[place].parent;
    let stands = !has_become_another(state, side, item)
        && tree.entry(parent).id == folder.id
        && same_stamp(&tree.entry(place), was);
    stands.then_some(place)
}

/// What a chosen comparison can see of two files (DESIGN 5.2).
fn seems_equal(
    a: &Entry,
    b: &Entry,
    compare: Compare,
    capabilities: &PerSide<Capabilities>,
) -> bool {
    let both = [&capabilities.source, &capabilities.destination];
    let step = both.map(|c| c.mtime_precision).into_iter().max();
    let at = |entry: &Entry| entry.mtime.filter(|m| m.by_client).map(|m| m.at);
    let time = match (at(a), at(b)) {
        (Some(a), Some(b)) => a.distance(b) < step.unwrap_or(1),
        _ => false,
    };
    let size = a.size == b.size;
    match compare {
        Compare::SizeOnly => size,
        Compare::MtimeOnly => time,
        Compare::SizeAndMtime => size && time,
        Compare::HashThenMtime => size && time && a.same_by_hash(b).is_none(),
        Compare::HashOnly => false,
    }
}
