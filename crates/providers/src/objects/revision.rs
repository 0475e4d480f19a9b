//! How an object's state is named: by its tag (an ETag, a generation), or by its time where the listing has no tag.
//!
//! A revision has to be the same whether a listing, a HEAD or a write showed it. Nearly every store lists tags.
//! s3s-fs does not; there a revision is the time of the last write in whole seconds (a HEAD knows no finer one) and
//! the size, `revision_granularity` says so, and what was written less than two of those ago stays in doubt.

use tandem_core::capabilities::Capabilities;
use tandem_core::entry::Revision;
use tandem_core::time::Timestamp;

/// What revisions are made of on a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marks {
    /// Of tags.
    Tags,
    /// Of times and sizes.
    Times,
}

impl Marks {
    /// What the probe found: it tells by the granularity that listings carry no tags.
    pub(super) const fn of(capabilities: &Capabilities) -> Self {
        if capabilities.revision_granularity == 0 {
            Self::Tags
        } else {
            Self::Times
        }
    }

    /// The revision of an object that is shown like this.
    pub(super) fn revision(
        self,
        tag: Option<&str>,
        written: Option<Timestamp>,
        size: u64,
    ) -> Revision {
        let time = || written.map(|at| format!("t{}-{size}", at.secs()));
        let text = match self {
            Self::Tags => tag.map(str::to_owned).or_else(time),
            Self::Times => time(),
        };
        text.map_or(Revision::None, |text| Revision::Tag(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_the_same_however_it_is_shown() {
        let (fine, coarse) = (Timestamp(7_900_000_000), Timestamp::from_secs(7));
        let tagged = Marks::Tags.revision(Some("abc"), Some(fine), 3);
        assert_eq!(tagged, Marks::Tags.revision(Some("abc"), None, 3));
        let listed = Marks::Times.revision(None, Some(fine), 3);
        assert_eq!(listed, Marks::Times.revision(Some("abc"), Some(coarse), 3));
    }
}
