//! Entries as bytes. Two equal entries of one place are equal bytes, so that an unchanged file is recognised
//! without being unpacked.

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};
use tandem_core::entry::{ContentHash, Entry, Kind, Mtime, NativeId, Revision};
use tandem_core::path::Name;

use crate::error::{EngineError, Result};

#[derive(Serialize)]
struct Stamp<'a> {
    name: Option<&'a Name>,
    kind: Kind,
    size: u64,
    mtime: Option<Mtime>,
    executable: Option<bool>,
    id: &'a Option<NativeId>,
    revision: &'a Revision,
    target: &'a Option<Box<str>>,
}

#[derive(Deserialize)]
struct StampOwned {
    name: Option<Name>,
    kind: Kind,
    size: u64,
    mtime: Option<Mtime>,
    executable: Option<bool>,
    id: Option<NativeId>,
    revision: Revision,
    target: Option<Box<str>>,
}

/// Packs all of an entry but its hashes into `buffer`. The name is left out where it is `usual`.
pub(crate) fn pack_stamp(entry: &Entry, usual: &str, buffer: &mut Vec<u8>) -> Result<()> {
    buffer.clear();
    let stamp = Stamp {
        name: (entry.name.as_str() != usual).then_some(&entry.name),
        kind: entry.kind,
        size: entry.size,
        mtime: entry.mtime,
        executable: entry.executable,
        id: &entry.id,
        revision: &entry.revision,
        target: &entry.target,
    };
    postcard::serialize_with_flavor(&stamp, Appending(buffer))
        .map_err(|e| EngineError::Refused(e.to_string()))
}

/// Appends whole slices; `postcard::to_extend` goes byte by byte.
struct Appending<'a>(&'a mut Vec<u8>);

impl Flavor for Appending<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// The entry that [`pack_stamp`] packed, with the hashes given.
pub(crate) fn unpack_stamp(bytes: &[u8], usual: &str, hashes: Vec<ContentHash>) -> Result<Entry> {
    let stamp: StampOwned = postcard::from_bytes(bytes).map_err(broken)?;
    let name = match stamp.name {
        Some(name) => name,
        None => Name::new(usual).map_err(|e| EngineError::DamagedState(e.to_string()))?,
    };
    Ok(Entry {
        name,
        kind: stamp.kind,
        size: stamp.size,
        mtime: stamp.mtime,
        executable: stamp.executable,
        id: stamp.id,
        revision: stamp.revision,
        hashes,
        target: stamp.target,
    })
}

/// Whether the stamp leaves the usual name out: its first byte is the tag of `None`.
pub(crate) fn has_usual_name(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0)
}

/// The whole entry as bytes.
pub(crate) fn pack_entry(entry: &Entry) -> Result<Vec<u8>> {
    postcard::to_allocvec(entry).map_err(|e| EngineError::Refused(e.to_string()))
}

/// The entry that [`pack_entry`] packed.
pub(crate) fn unpack_entry(bytes: &[u8]) -> Result<Entry> {
    postcard::from_bytes(bytes).map_err(broken)
}

/// The hashes of both sides: once where they are the same.
#[derive(Serialize, Deserialize)]
pub(crate) enum Hashes {
    /// Both sides'.
    Same(Vec<ContentHash>),
    /// The source's and the destination's.
    Each(Vec<ContentHash>, Vec<ContentHash>),
}

impl Hashes {
    pub(crate) fn pack(
        source: Option<&Entry>,
        destination: Option<&Entry>,
    ) -> Result<Option<Vec<u8>>> {
        let of = |e: Option<&Entry>| e.map(|e| e.hashes.clone()).unwrap_or_default();
        let (a, b) = (of(source), of(destination));
        if a.is_empty() && b.is_empty() {
            return Ok(None);
        }
        let hashes = if a == b {
            Self::Same(a)
        } else {
            Self::Each(a, b)
        };
        postcard::to_allocvec(&hashes)
            .map(Some)
            .map_err(|e| EngineError::Refused(e.to_string()))
    }

    pub(crate) fn unpack(bytes: Option<&[u8]>) -> Result<(Vec<ContentHash>, Vec<ContentHash>)> {
        match bytes
            .map(postcard::from_bytes)
            .transpose()
            .map_err(broken)?
        {
            None => Ok((Vec::new(), Vec::new())),
            Some(Self::Same(both)) => Ok((both.clone(), both)),
            Some(Self::Each(a, b)) => Ok((a, b)),
        }
    }
}

fn broken(error: postcard::Error) -> EngineError {
    EngineError::DamagedState(error.to_string())
}
