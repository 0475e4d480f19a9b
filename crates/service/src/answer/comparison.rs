//! The two versions of a conflict, as data.

use serde::{Deserialize, Serialize};
use tandem_core::side::PerSide;

use crate::when::When;

/// Both versions of a conflict, side by side.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ComparisonView {
    /// The conflict.
    pub id: String,
    /// Each version; none where there is no file.
    #[cfg_attr(
        feature = "typescript",
        ts(as = "crate::typescript::PerSide<Option<VersionContent>>")
    )]
    pub versions: PerSide<Option<VersionContent>>,
    /// Line by line, where both are texts.
    pub lines: Option<LinesView>,
}

/// One version of a conflict.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct VersionContent {
    /// Where it is; of a conflict that was kept as a copy, the source's is the copy.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// When it was last changed.
    pub mtime: Option<When>,
    /// Its revision.
    pub revision: String,
    /// What it holds.
    pub kind: ContentKind,
    /// The picture, if it is one.
    pub picture: Option<PictureView>,
}

/// What a file holds, by its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ContentKind {
    /// Text.
    Text,
    /// A picture that can be shown.
    Picture,
    /// More than is read to be shown.
    TooLarge,
    /// Anything else.
    Other,
}

/// A picture.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PictureView {
    /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
    pub media_type: String,
    /// In points.
    pub width: u32,
    /// In points.
    pub height: u32,
    /// Its bytes, in Base64.
    pub base64: String,
}

/// Two texts, line by line.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct LinesView {
    /// What differs, with a few equal lines around it.
    pub rows: Vec<LineRow>,
    /// How many more rows there are.
    pub rows_left_out: u64,
    /// Lines in each other's place that differ.
    pub differing: u64,
    /// Lines that only the source has.
    pub only_source: u64,
    /// Lines that only the destination has.
    pub only_destination: u64,
    /// Both texts in one, to make a merged text of: where they differ, the source's lines and then the destination's.
    pub draft: String,
    /// Whether all lines of both end as on Windows; the draft's do not.
    pub crlf: bool,
}

/// A row of two lines beside each other.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct LineRow {
    /// The source's line.
    pub source: Option<LineView>,
    /// The destination's line.
    pub destination: Option<LineView>,
    /// So many equal lines are left out here; then there is nothing else.
    pub equal: u64,
    /// Whether the two differ.
    pub differs: bool,
}

/// A line of a text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct LineView {
    /// Its number, from 1.
    pub number: u64,
    /// Its text.
    pub pieces: Vec<TextPiece>,
    /// Whether it has an end; a last line may have none.
    pub ends: bool,
}

/// A piece of a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct TextPiece {
    /// Its text.
    pub text: String,
    /// Whether it differs from the line beside it.
    pub differs: bool,
    /// Whether it stands for what cannot be seen, or for what is left out.
    pub is_sign: bool,
}
