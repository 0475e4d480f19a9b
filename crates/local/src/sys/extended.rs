//! Extended attributes, by the handle of an open file.

use rustix::fd::AsFd;

use super::{Errno, SysResult};
use crate::crash_points::{Change, make};

/// The extended attributes' names of an open file.
pub(crate) fn attribute_names(file: impl AsFd) -> SysResult<Vec<Vec<u8>>> {
    let mut room = vec![0_u8; 1024];
    loop {
        match rustix::fs::flistxattr(&file, &mut room[..]) {
            Ok(len) => {
                room.truncate(len);
                break;
            }
            Err(Errno::RANGE) => room.resize(room.len() * 4, 0),
            Err(error) => return Err(error),
        }
    }
    Ok(room
        .split(|b| *b == 0)
        .filter(|name| !name.is_empty())
        .map(<[u8]>::to_vec)
        .collect())
}

/// The value of an extended attribute; `None` if there is none.
pub(crate) fn attribute(file: impl AsFd, name: &[u8]) -> SysResult<Option<Vec<u8>>> {
    let mut room = vec![0_u8; 1024];
    loop {
        match rustix::fs::fgetxattr(&file, name, &mut room[..]) {
            Ok(len) => {
                room.truncate(len);
                return Ok(Some(room));
            }
            Err(Errno::RANGE) => room.resize(room.len() * 4, 0),
            Err(Errno::NODATA) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// Sets an extended attribute.
pub(crate) fn set_attribute(file: impl AsFd, name: &[u8], value: &[u8]) -> SysResult<()> {
    make(Change::SetAttribute, || {
        rustix::fs::fsetxattr(file, name, value, rustix::fs::XattrFlags::empty())
    })
}

/// Removes an extended attribute, if it is there.
pub(crate) fn remove_attribute(file: impl AsFd, name: &[u8]) -> SysResult<()> {
    match make(Change::RemoveAttribute, || {
        rustix::fs::fremovexattr(file, name)
    }) {
        Err(Errno::NODATA) => Ok(()),
        answer => answer,
    }
}
