//! What holds a whole pair: a side that was edited nearly everywhere or shows what was there before, no room, too
//! many conflict copies.

use tandem_core::guard::{self, Evidence, Fact, Guard, GuardSettings, Hold};
use tandem_core::side::Side;

use super::{Census, HOUR, up_to};
use crate::engine::Engine;
use crate::error::Result;

impl Engine {
    /// The rules that hold the whole pair.
    pub(super) async fn pair_guards(
        &self,
        census: &Census,
        settings: &GuardSettings,
    ) -> Result<Vec<Hold>> {
        let mut holds = Vec::new();
        for side in Side::BOTH {
            holds.extend(self.everything_changed(side, census, settings)?);
            holds.extend(Self::back_in_time(side, census, settings));
            holds.extend(self.no_room(side, census, settings).await);
            holds.extend(self.guard_versions(side, census)?);
        }
        holds.extend(self.conflict_copies(census, settings)?);
        Ok(holds)
    }

    fn everything_changed(
        &self,
        side: Side,
        census: &Census,
        settings: &GuardSettings,
    ) -> Result<Option<Hold>> {
        let edited = census.edited[side].clone();
        let items = self.state().file_count()?;
        if !guard::everything_changed(settings, edited.len() as u64, items) {
            return Ok(None);
        }
        let evidence = Evidence::from([
            ("side".to_owned(), Fact::Text(side.to_string())),
            ("edited".to_owned(), Fact::Number(edited.len() as u64)),
            ("base_items".to_owned(), Fact::Number(items)),
        ]);
        Ok(Some(Hold::new(Guard::EverythingChanged, edited, evidence)))
    }

    /// A side that does not say how much is free is not held.
    async fn no_room(&self, side: Side, census: &Census, settings: &GuardSettings) -> Option<Hold> {
        let incoming = census.bytes[side];
        let free = self.root(side).free_space().await.unwrap_or(None);
        if !guard::free_space(settings, free, incoming) {
            return None;
        }
        let evidence = Evidence::from([
            ("side".to_owned(), Fact::Text(side.to_string())),
            ("free".to_owned(), Fact::Number(free.unwrap_or(0))),
            ("needed".to_owned(), Fact::Number(incoming)),
        ]);
        let items = up_to(&format!("free space {side}"), incoming);
        Some(Hold::new(Guard::FreeSpace, items, evidence))
    }

    fn conflict_copies(&self, census: &Census, settings: &GuardSettings) -> Result<Option<Hold>> {
        if census.copies == 0 {
            return Ok(None);
        }
        let recent = self.state().copies_since(self.now().plus(-HOUR))?;
        let (all, of_one) = (census.copies + recent, census.most_copies);
        if !guard::conflict_copies(settings, of_one, all) {
            return Ok(None);
        }
        let evidence = Evidence::from([
            ("copies".to_owned(), Fact::Number(all)),
            ("of_one".to_owned(), Fact::Number(of_one)),
        ]);
        let mut items = up_to("conflict copies", all);
        items.extend(up_to("conflict copies of one", of_one));
        Ok(Some(Hold::new(Guard::ConflictCopies, items, evidence)))
    }

    /// A side on which many files have taken content that the journal knows as older. None of the storages' cursors
    /// is ordered, so nothing else tells.
    fn back_in_time(side: Side, census: &Census, settings: &GuardSettings) -> Option<Hold> {
        let older = &census.older[side];
        if !guard::back_in_time(settings, false, older.len() as u64) {
            return None;
        }
        let evidence = Evidence::from([
            ("side".to_owned(), Fact::Text(side.to_string())),
            ("older".to_owned(), Fact::Number(older.len() as u64)),
        ]);
        Some(Hold::new(Guard::BackInTime, older.clone(), evidence))
    }
}
