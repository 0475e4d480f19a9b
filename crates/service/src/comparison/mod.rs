//! The two versions of a conflict, made ready to be looked at: texts line by line, pictures as they are.
//!
//! Content comes from wherever a storage is, so nothing is believed of it: how much is read is bounded, what it is is told
//! by its bytes and never by its name, and what would be invisible or turn a text around is put into visible signs.

#[cfg(test)]
mod fuzzing;
mod lines;
mod picture;
mod visible;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use tandem_core::content::Content;
use tandem_core::error::Result;
use tandem_core::merge::{LARGEST_TEXT, is_mergeable};
use tandem_core::side::PerSide;
use tandem_engine::ConflictVersion;

use crate::answer::{ComparisonView, ContentKind, PictureView, VersionContent};
use crate::when::When;

/// The largest picture that is shown, in bytes.
const LARGEST_PICTURE: u64 = 8 * 1024 * 1024;

/// By so many bytes a picture is told from anything else.
const HEAD: u64 = 16;

/// One version, and its text if it is one.
pub(crate) struct Looked {
    view: VersionContent,
    text: Option<String>,
}

/// Looks at what one version holds. What is too large to be shown is not read.
///
/// # Errors
/// What reading it met.
pub(crate) async fn look(version: &ConflictVersion) -> Result<Looked> {
    let content = &*version.content;
    let mut looked = Looked {
        view: VersionContent {
            path: version.view.path.clone(),
            size: version.view.size,
            mtime: version.view.mtime.map(When),
            revision: version.view.revision.clone(),
            kind: ContentKind::TooLarge,
            picture: None,
        },
        text: None,
    };
    if content.len() > LARGEST_PICTURE {
        return Ok(looked);
    }
    let head = read(content, HEAD).await?;
    if picture::media_type(&head).is_some() {
        let bytes = read(content, LARGEST_PICTURE).await?;
        (looked.view.kind, looked.view.picture) = match shown_picture(&bytes) {
            Some(picture) => (ContentKind::Picture, Some(picture)),
            None => (ContentKind::Other, None),
        };
    } else if content.len() <= LARGEST_TEXT as u64 {
        let bytes = read(content, LARGEST_TEXT as u64).await?;
        looked.text = Some(bytes)
            .filter(|bytes| is_mergeable(bytes))
            .and_then(|bytes| String::from_utf8(bytes).ok());
        looked.view.kind = match looked.text {
            Some(_) => ContentKind::Text,
            None => ContentKind::Other,
        };
    }
    Ok(looked)
}

/// The first bytes of `content`, at most `most`.
async fn read(content: &dyn Content, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut pieces = content.open(0, content.len().min(most)).await?;
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}

fn shown_picture(bytes: &[u8]) -> Option<PictureView> {
    let found = picture::inspect(bytes)?;
    Some(PictureView {
        media_type: found.media_type.to_owned(),
        width: found.width,
        height: found.height,
        base64: STANDARD.encode(bytes),
    })
}

/// Both versions of the conflict `id` side by side.
#[must_use]
pub(crate) fn compare(id: &str, versions: PerSide<Option<Looked>>) -> ComparisonView {
    let text = |looked: &Option<Looked>| looked.as_ref().and_then(|looked| looked.text.clone());
    let texts = text(&versions.source).zip(text(&versions.destination));
    ComparisonView {
        id: id.to_owned(),
        lines: texts.map(|(source, destination)| lines::compare(&source, &destination)),
        versions: versions.map(|looked| looked.map(|looked| looked.view)),
    }
}
