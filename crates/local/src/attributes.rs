//! Mode, owner, extended attributes and ACL of a file that is replaced go over to the new one, before it
//! becomes visible, and never wider than they were (P20).
//!
//! Where something cannot be carried, the mode is narrowed instead: a group that could not be kept, or an
//! ACL whose mask stands in the group bits, must not open the file to others.

use rustix::fd::AsFd;

use crate::disk::Place;
use crate::sys::{self, Access, Errno, Stat, SysResult};

const ACL: &[u8] = b"system.posix_acl_access";

/// The mode with the executable bit set where reading is allowed, or taken away.
pub(crate) const fn with_executable(mode: u32, executable: Option<bool>) -> u32 {
    match executable {
        None => mode,
        Some(true) => mode | ((mode & 0o444) >> 2),
        Some(false) => mode & !0o111,
    }
}

/// Narrows the group's rights to those that everybody has.
const fn without_group(mode: u32) -> u32 {
    mode & !0o070 | ((mode & 0o007) << 3) & mode
}

/// Gives the open file `new` what the file `old` at `from` has.
pub(crate) fn carry(
    from: &Place,
    old: &Stat,
    new: impl AsFd,
    executable: Option<bool>,
) -> SysResult<()> {
    // Not set-user-id and set-group-id: the content is another, and writing to a file takes them away too.
    let mut mode = old.mode & 0o777;
    if !carry_owner(old, &new)? {
        mode = without_group(mode);
    }
    if !carry_attributes(from, old, &new)? {
        mode = without_group(mode);
    }
    sys::set_mode_of(&new, with_executable(mode, executable))
}

/// Whether the group is the old one.
fn carry_owner(old: &Stat, new: impl AsFd) -> SysResult<bool> {
    let now = sys::stat_of(&new)?;
    if (now.uid, now.gid) == (old.uid, old.gid) {
        return Ok(true);
    }
    match sys::set_owner_of(&new, Some(old.uid), Some(old.gid)) {
        Err(Errno::PERM | Errno::INVAL) => {}
        answer => return answer.map(|()| true),
    }
    match sys::set_owner_of(&new, None, Some(old.gid)) {
        Err(Errno::PERM | Errno::INVAL) => Ok(now.gid == old.gid),
        answer => answer.map(|()| true),
    }
}

/// Whether the ACL, if there was one, is the old one.
fn carry_attributes(from: &Place, old: &Stat, new: impl AsFd) -> SysResult<bool> {
    let Ok(file) = from.folder.open_file(from.name(), Access::Read) else {
        // A file that not even its owner may read: whether it has an ACL cannot be known.
        return Ok(remove_acl(new) && old.mode & 0o070 == 0);
    };
    let names = match sys::attribute_names(&file) {
        Ok(names) => names,
        Err(Errno::OPNOTSUPP) => return Ok(true),
        Err(error) => return Err(error),
    };
    if !names.iter().any(|name| name == ACL) && !remove_acl(&new) {
        return Ok(false);
    }
    let mut acl_kept = true;
    for name in names {
        if name != ACL && !name.starts_with(b"user.") {
            continue;
        }
        let Some(value) = sys::attribute(&file, &name)? else {
            continue;
        };
        let set = sys::set_attribute(&new, &name, &value);
        acl_kept &= name != ACL || set.is_ok();
    }
    Ok(acl_kept)
}

/// Takes away what the folder's default ACL gave. Whether none is left.
fn remove_acl(new: impl AsFd) -> bool {
    matches!(
        sys::remove_attribute(new, ACL),
        Ok(()) | Err(Errno::OPNOTSUPP)
    )
}

/// Gives `new`, made for its owner alone, what a fresh file beside it gets from umask and folder.
pub(crate) fn make_ordinary(
    beside: &Place,
    scratch: &str,
    new: impl AsFd,
    executable: Option<bool>,
) -> SysResult<()> {
    let fresh = beside.folder.create_file(scratch, 0o666)?;
    let copy = || -> SysResult<()> {
        let mode = sys::stat_of(&fresh)?.mode & 0o777;
        match sys::attribute(&fresh, ACL) {
            Ok(Some(acl)) => sys::set_attribute(&new, ACL, &acl)?,
            Ok(None) | Err(Errno::OPNOTSUPP) => {}
            Err(error) => return Err(error),
        }
        sys::set_mode_of(&new, with_executable(mode, executable))
    };
    let copied = copy();
    beside.folder.unlink(scratch)?;
    copied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_never_widened() {
        for (mode, executable, expected) in [
            (0o640, Some(true), 0o750),
            (0o600, Some(true), 0o700),
            (0o755, Some(false), 0o644),
            (0o750, None, 0o750),
        ] {
            assert_eq!(with_executable(mode, executable), expected);
        }
        for (mode, expected) in [
            (0o660, 0o600),
            (0o664, 0o644),
            (0o771, 0o711),
            (0o606, 0o606),
        ] {
            assert_eq!(without_group(mode), expected, "{mode:o}");
        }
    }
}
