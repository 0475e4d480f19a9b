//! The two versions of a conflict, to be looked at before a decision.

use tandem_core::content::SharedContent;
use tandem_core::plan::At;
use tandem_core::side::{PerSide, Side};

use crate::engine::Engine;
use crate::error::Result;
use crate::report::SideView;
use crate::views::side_view;

/// One version of a conflict.
pub struct ConflictVersion {
    /// Where it is and what is known of it.
    pub view: SideView,
    /// Its bytes: of exactly this revision, or reading them fails.
    pub content: SharedContent,
}

impl Engine {
    /// Both versions of a conflict, as they are now. Of one that was kept as a copy the copy is the source's. A side
    /// that has no file there has none.
    ///
    /// # Errors
    /// No such conflict; what a storage answered.
    pub async fn conflict_versions(&self, id: &str) -> Result<PerSide<Option<ConflictVersion>>> {
        let row = self.conflict_row(id)?;
        let version = |side: Side, at: At| ConflictVersion {
            view: side_view(&at.path, &at.entry),
            content: self.content(side, &at).0,
        };
        if let Some(copy) = row.copy.as_ref().filter(|_| !row.waits) {
            let found = self.name_and_copy(&row, copy).await?;
            return Ok(found.map_or_else(PerSide::default, |(side, name, copy)| {
                PerSide::new(Some(version(side, copy)), Some(version(side, name)))
            }));
        }
        let places = self.places(&row.path, Side::Destination)?;
        let mut versions = PerSide::default();
        for side in Side::BOTH {
            let at = self.file_at(side, &places[side]).await?;
            versions[side] = at.map(|at| version(side, at));
        }
        Ok(versions)
    }
}
