//! What was set aside is looked at again (DESIGN 4): a program that still had the file open may have written into it
//! since. That is content nobody has seen, and it comes back beside as a conflict copy.

use tandem_core::conflict_name::conflict_name;
use tandem_core::entry::{Entry, Kind};
use tandem_core::mutant;
use tandem_core::plan::Reason;
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::{Displaced, VersionKey};
use tandem_core::time::Timestamp;

use crate::chosen::{Chosen, Note};
use crate::engine::Engine;
use crate::error::Result;
use crate::observe::Doubt;
use crate::report::{ActionKind, Outcome};
use crate::state::JournalRow;

/// So many names are tried beside the path.
const MOST_NAMES: u32 = 100;

/// What looking at a version again came to.
pub(crate) enum Looked {
    /// It is what was set aside.
    Unchanged,
    /// It was written into, and what it holds now is beside the path. Under its key it stays for good: the next look
    /// would take it for written into again.
    Brought(Box<Brought>),
    /// It was written into or could not be looked at: it must be kept.
    Doubtful,
}

/// What was written into late, beside its path.
pub(crate) struct Brought {
    /// What the version holds now.
    pub(crate) now: Entry,
    /// Where to look next.
    pub(crate) doubts: PerSide<Doubt>,
}

impl Engine {
    /// Looks at a version of what was `before`, and brings it back beside the path if it is something else now.
    pub(crate) async fn look_at_version(
        &self,
        side: Side,
        key: &VersionKey,
        before: &Entry,
    ) -> Result<Looked> {
        let now = match self.root(side).stat_version(key).await {
            Ok(Some(now))
                if is_changed(before, &now) && !mutant!("P1 a late write is not looked for") =>
            {
                now
            }
            Ok(_) => return Ok(Looked::Unchanged),
            Err(error) => {
                tracing::warn!(%side, %error, "what was set aside could not be looked at again");
                return Ok(Looked::Doubtful);
            }
        };
        self.bring_beside(side, key, &now).await
    }

    /// Brings back beside its path what was written into after it was set aside, although it need not have been kept.
    /// Answers where to look next.
    pub(crate) async fn bring_late_writes(&self) -> Result<PerSide<Doubt>> {
        let mut doubts = PerSide::<Doubt>::default();
        for side in Side::BOTH {
            let written = self.root(side).written_since();
            // The storage tells of each once: all are noted before anything can fail.
            let lines = self.note_displaced(side, &written)?;
            for (late, line) in written.iter().zip(lines) {
                let Some(entry) = &late.entry else { continue };
                let looked = self.bring_beside(side, &late.version, entry).await?;
                if let Looked::Brought(brought) = looked {
                    // It is beside the path: what is among the versions is like any superseded one.
                    self.state().keep_no_longer(line)?;
                    for side in Side::BOTH {
                        doubts[side].add_all(&brought.doubts[side]);
                    }
                }
            }
        }
        Ok(doubts)
    }

    /// Notes content of somebody else that Tandem set aside without having seen it, for good. Answers the lines.
    pub(crate) fn note_displaced(&self, side: Side, displaced: &[Displaced]) -> Result<Vec<i64>> {
        if displaced.is_empty() {
            return Ok(Vec::new());
        }
        let state = self.state();
        let run = state.next_run()?;
        let rows = displaced.iter().map(|late| {
            let path = late.version.path();
            tracing::warn!(%side, %path, "written by somebody else meanwhile");
            state.add_journal(&JournalRow {
                id: 0,
                run,
                at: self.now(),
                side,
                kind: ActionKind::Replace,
                path: path.to_string(),
                target: None,
                bytes: 0,
                reason: Reason::ConflictKeptBoth(side),
                outcome: Outcome::LostRace,
                error: None,
                before: late.entry.clone(),
                after: None,
                version: Some(late.version.clone()),
                keep: true,
            })
        });
        rows.collect()
    }

    async fn bring_beside(&self, side: Side, key: &VersionKey, now: &Entry) -> Result<Looked> {
        let (Some(folder), Some(name)) = (key.path().parent(), key.path().name()) else {
            return Ok(Looked::Doubtful);
        };
        let longest = self.capabilities(side).names.longest_name;
        let longest = longest.map_or(255, |n| n as usize);
        let at = now.mtime.map_or_else(|| self.now(), |m| m.at);
        let mut chosen = Chosen::begin(self, Reason::ConflictKeptBoth(side))?;
        for ordinal in 1..MOST_NAMES {
            let name = conflict_name(&name, at, self.setup.device.as_str(), ordinal, longest);
            let note = Note {
                keep: true,
                ..Note::default()
            };
            let answer = chosen
                .bring_back(
                    side,
                    &folder.join(&name),
                    (key, now),
                    (ActionKind::Create, note),
                )
                .await;
            match answer {
                Ok(_) => {
                    chosen.record().await?;
                    let brought = Brought {
                        now: now.clone(),
                        doubts: chosen.doubts,
                    };
                    return Ok(Looked::Brought(Box::new(brought)));
                }
                Err(error) if error.is_lost_race() => {}
                Err(error) => {
                    tracing::warn!(%side, %error, "what was written late could not be brought back");
                    break;
                }
            }
        }
        chosen.record().await?;
        Ok(Looked::Doubtful)
    }
}

/// Setting aside changes neither length nor time of the content. When a server got it is no time of the content.
fn is_changed(before: &Entry, now: &Entry) -> bool {
    let time =
        |entry: &Entry| -> Option<Timestamp> { entry.mtime.filter(|m| m.by_client).map(|m| m.at) };
    let times = (time(before), time(now));
    before.kind == Kind::File
        && (before.size != now.size || matches!(times, (Some(a), Some(b)) if a != b))
}
