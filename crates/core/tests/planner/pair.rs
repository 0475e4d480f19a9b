//! Two sides, what the pair knows of them, and what a plan says in short.

use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::entry::{ContentHash, Entry, Kind, Mtime, NativeId, Revision};
use tandem_core::path::Name;
use tandem_core::plan::{
    Action, BaseItem, ConflictKind, Deed, Fresh, Input, ItemId, Plan, Refused, Retain, Seen, Trees,
    plan,
};
use tandem_core::policy::{Compare, Policy};
use tandem_core::side::{PerSide, Side};
use tandem_core::time::Timestamp;

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("a valid name")
}

pub(crate) fn file(text: &str, id: u64, content: u8) -> Entry {
    Entry {
        kind: Kind::File,
        size: 2048,
        mtime: Some(Mtime {
            at: Timestamp(1_772_366_400_000_000_000),
            by_client: true,
        }),
        revision: Revision::Tag(format!("r{content}").into()),
        hashes: vec![ContentHash::blake3([content; 32])],
        ..folder(text, id)
    }
}

pub(crate) fn folder(text: &str, id: u64) -> Entry {
    let revision = Revision::Tag(format!("f{id}").into());
    Entry {
        id: Some(NativeId::Number(1, id)),
        revision,
        ..Entry::folder(name(text))
    }
}

/// Two sides with strong ids, and what the pair knows of them.
pub(crate) struct Pair {
    pub(crate) capabilities: PerSide<Capabilities>,
    pub(crate) policy: Policy,
    pub(crate) trees: Trees,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let capabilities = PerSide::from_fn(|_| Capabilities {
            ids: Ids::Strong,
            versions: true,
            empty_folders: true,
            folder_move: true,
            ..Capabilities::least()
        });
        let policy = Policy {
            compare: Compare::HashOnly,
            ..Policy::default()
        };
        Self {
            capabilities,
            policy,
            trees: Trees::default(),
        }
    }

    /// An item in step; its native id is its own on both sides.
    pub(crate) fn item(&mut self, id: i64, parent: i64, entry: Entry) -> &mut BaseItem {
        self.trees.items.push(BaseItem {
            id: ItemId(id),
            parent: ItemId(parent),
            name: entry.name.clone(),
            kind: entry.kind,
            entries: PerSide::new(Some(entry.clone()), Some(entry)),
            seen: PerSide::new(Seen::AsBase, Seen::AsBase),
            excluded: false,
        });
        self.trees.items.last_mut().expect("it was just added")
    }

    pub(crate) fn fresh(&mut self, side: Side, id: i64, parent: i64, entry: Entry) {
        self.trees.fresh[side].push(Fresh {
            id: ItemId(id),
            parent: ItemId(parent),
            entry,
            frozen: false,
        });
    }

    pub(crate) fn plan(&self) -> Plan {
        plan(&Input {
            trees: &self.trees,
            capabilities: self.capabilities.as_ref(),
            policy: &self.policy,
            device: "device-0000",
            refused: &Refused::default(),
        })
    }
}

pub(crate) fn changed(entry: Entry) -> Seen {
    Seen::Changed(entry)
}

/// The actions in short: side, what, path, and where to.
pub(crate) fn told(plan: &Plan) -> Vec<String> {
    plan.actions.iter().map(tell).collect()
}

pub(crate) fn tell(action: &Action) -> String {
    let side = action.side;
    let path = action.path().map(ToString::to_string).unwrap_or_default();
    match &action.deed {
        Deed::CreateFolder { .. } => format!("{side}: folder {path}"),
        Deed::Transfer { replaces: None, .. } => format!("{side}: new {path}"),
        Deed::Transfer { .. } => format!("{side}: replace {path}"),
        Deed::Duplicate { from, .. } => format!("{side}: copy {} to {path}", from.path),
        Deed::Merge { .. } => format!("merge {path}"),
        Deed::Move { to, .. } => format!("{side}: move {path} to {to}"),
        Deed::SetMeta { .. } => format!("{side}: meta {path}"),
        Deed::Delete { .. } => format!("{side}: delete {path}"),
        Deed::Adopt { .. } => format!("adopt {}", action.standing.name),
        Deed::Forget { .. } => format!("forget {}", action.standing.name),
    }
}

pub(crate) fn conflicts(plan: &Plan) -> Vec<ConflictKind> {
    plan.conflicts.iter().map(|c| c.kind).collect()
}

pub(crate) const COPY: &str = "a (conflict 2026-03-01 120000 device-0000)";

/// What becomes of what is replaced at `path` of the source.
pub(crate) fn retained(plan: &Plan, path: &str) -> Option<Retain> {
    plan.actions.iter().find_map(|action| match &action.deed {
        Deed::Transfer {
            path: there,
            replaces: Some(_),
            retain,
            ..
        } if there.as_str() == path => Some(*retain),
        _ => None,
    })
}
