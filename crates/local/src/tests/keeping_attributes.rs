//! Mode, owner, extended attributes and ACLs outlive a replacement and are never widened (P20).

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use tandem_core::error::Cause;
use tandem_core::storage::{Expected, Keep, Meta, Root};

use super::support::{Bench, FORMS, at, cause, is_superuser, mtime, once_at, rel};
use crate::disk::Moment;

fn set_mode(bench: &Bench, path: &str, mode: u32) {
    std::fs::set_permissions(bench.path(path), PermissionsExt::from_mode(mode)).unwrap();
}

/// `u::rw-,u:1:rw-,g::---,m::rw-,o::---` in the kernel's own form.
fn acl() -> Vec<u8> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, perm, id) in [
        (0x01_u16, 6_u16, u32::MAX),
        (0x02, 6, 1),
        (0x04, 0, u32::MAX),
        (0x10, 6, u32::MAX),
        (0x20, 0, u32::MAX),
    ] {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(perm.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

fn xattr(path: &std::path::Path, name: &str) -> Option<Vec<u8>> {
    let mut room = vec![0; 256];
    let len = rustix::fs::lgetxattr(path, name, &mut room[..]).ok()?;
    room.truncate(len);
    Some(room)
}

#[tokio::test]
async fn a_replaced_file_keeps_its_mode() {
    for form in FORMS {
        for mode in [0o600, 0o640, 0o444, 0o666, 0o755] {
            let bench = Bench::with(form);
            bench.put("file", "old");
            set_mode(&bench, "file", mode);
            let seen = bench.expect("file").await;
            bench.write("file", "new", seen, Keep::No).await.unwrap();
            assert_eq!(bench.mode("file"), mode, "{mode:o}");
        }
    }
}

#[tokio::test]
async fn the_executable_bit_goes_where_reading_is_allowed() {
    for (mode, executable, expected) in [
        (0o640, Some(true), 0o750),
        (0o755, Some(false), 0o644),
        (0o750, None, 0o750),
    ] {
        let bench = Bench::new();
        bench.put("file", "old");
        set_mode(&bench, "file", mode);
        let seen = bench.expect("file").await;
        let meta = Meta {
            executable,
            ..Meta::default()
        };
        let staged = bench.stage("file", "new", &meta).await.unwrap();
        let done = bench.commit(staged, seen, Keep::No).await.unwrap();
        assert_eq!(bench.mode("file"), expected);
        assert_eq!(done.entry.executable, Some(expected & 0o100 != 0));
    }
}

#[tokio::test]
async fn content_for_a_private_file_is_private_while_it_is_staged() {
    let bench = Bench::new();
    bench.put("file", "old");
    set_mode(&bench, "file", 0o600);
    bench
        .stage("file", "secret", &Meta::default())
        .await
        .unwrap();
    let name = bench.own_names("").remove(0);
    assert_eq!(bench.mode(&name), 0o600);
}

#[tokio::test]
async fn a_new_file_is_as_the_umask_says_even_if_one_stood_there_when_it_was_staged() {
    let bench = Bench::new();
    std::fs::write(bench.path("plain"), "x").unwrap();
    let usual = bench.mode("plain");
    bench
        .write("new", "x", Expected::Absent, Keep::No)
        .await
        .unwrap();
    assert_eq!(bench.mode("new"), usual);

    bench.put("file", "old");
    let staged = bench.stage("file", "new", &Meta::default()).await.unwrap();
    std::fs::remove_file(bench.path("file")).unwrap();
    bench
        .commit(staged, Expected::Absent, Keep::No)
        .await
        .unwrap();
    assert_eq!(bench.mode("file"), usual);
    assert!(bench.own_names("").is_empty());
}

#[tokio::test]
async fn extended_attributes_and_acls_are_carried() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("file", "old");
        let path = bench.path("file");
        let none = rustix::fs::XattrFlags::empty();
        if rustix::fs::lsetxattr(&path, "user.colour", b"blue", none).is_err() {
            return; // A file system without attributes has none to carry.
        }
        rustix::fs::lsetxattr(&path, "system.posix_acl_access", &acl(), none).unwrap();
        let before = bench.mode("file");
        let seen = bench.expect("file").await;
        bench.write("file", "new", seen, Keep::No).await.unwrap();
        assert_eq!(bench.text("file").unwrap(), "new");
        assert_eq!(xattr(&path, "user.colour").unwrap(), b"blue");
        assert_eq!(xattr(&path, "system.posix_acl_access").unwrap(), acl());
        assert_eq!(bench.mode("file"), before);
    }
}

#[tokio::test]
async fn a_folders_default_acl_does_not_widen_a_replaced_file() {
    let bench = Bench::new();
    bench.put("a/file", "old");
    set_mode(&bench, "a/file", 0o600);
    let none = rustix::fs::XattrFlags::empty();
    let name = "system.posix_acl_default";
    if rustix::fs::lsetxattr(bench.path("a"), name, &acl(), none).is_err() {
        return;
    }
    let seen = bench.expect("a/file").await;
    bench.write("a/file", "new", seen, Keep::No).await.unwrap();
    assert_eq!(bench.mode("a/file"), 0o600);
    assert!(xattr(&bench.path("a/file"), "system.posix_acl_access").is_none());
    // A new one follows the folder.
    bench
        .write("a/new", "x", Expected::Absent, Keep::No)
        .await
        .unwrap();
    assert!(xattr(&bench.path("a/new"), "system.posix_acl_access").is_some());
}

#[tokio::test]
async fn a_replaced_file_keeps_its_owner() {
    if !is_superuser() {
        return; // Only the superuser can give files away.
    }
    let bench = Bench::new();
    bench.put("file", "old");
    std::os::unix::fs::chown(bench.path("file"), Some(12345), Some(23456)).unwrap();
    let seen = bench.expect("file").await;
    bench.write("file", "new", seen, Keep::No).await.unwrap();
    let found = std::fs::metadata(bench.path("file")).unwrap();
    assert_eq!((found.uid(), found.gid()), (12345, 23456));
}

#[tokio::test]
async fn set_user_id_does_not_go_over_to_new_content() {
    let bench = Bench::new();
    bench.put("file", "old");
    set_mode(&bench, "file", 0o4755);
    let seen = bench.expect("file").await;
    bench.write("file", "new", seen, Keep::No).await.unwrap();
    assert_eq!(bench.mode("file"), 0o755);
}

#[tokio::test]
async fn a_mode_changed_at_the_last_instant_holds() {
    let bench = Bench::new();
    bench.put("file", "old");
    set_mode(&bench, "file", 0o644);
    let seen = bench.expect("file").await;
    let staged = bench.stage("file", "new", &Meta::default()).await.unwrap();
    let path = bench.path("file");
    super::support::once_at(&bench.root, crate::disk::Moment::BeforeSwap, move || {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
    });
    bench.commit(staged, seen, Keep::No).await.unwrap();
    assert_eq!(bench.mode("file"), 0o600);
}

#[tokio::test]
async fn time_and_bit_are_set_in_place() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("file", "x");
        set_mode(&bench, "file", 0o640);
        let inode = bench.inode("file");
        let seen = bench.expect("file").await;
        let meta = Meta {
            mtime: mtime(-1_000_000_001),
            executable: Some(true),
            ..Meta::default()
        };
        let done = bench
            .root
            .set_meta(&at("file"), &seen, &meta)
            .await
            .unwrap();
        assert_eq!(done, bench.entry("file").await);
        assert_eq!((done.mtime, done.executable), (meta.mtime, Some(true)));
        assert_eq!((bench.mode("file"), bench.inode("file")), (0o750, inode));
        let stale = bench.root.set_meta(&at("file"), &seen, &meta).await;
        assert_eq!(cause(stale), Cause::PreconditionFailed);
        bench.root.create_folder(&rel("folder")).await.unwrap();
        let folder = bench
            .root
            .set_meta(&at("folder"), &Expected::Any, &meta)
            .await;
        assert_eq!(cause(folder), Cause::Unsupported);
        bench.root.settle().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_saved_while_time_and_bit_are_set_is_told_of() {
    for form in FORMS {
        for in_place in [false, true] {
            let bench = Bench::with(form);
            bench.put("file", "x");
            let seen = bench.expect("file").await;
            let (file, saved) = (bench.path("file"), bench.outside("saved"));
            once_at(&bench.root, Moment::AfterSwap, move || {
                if in_place {
                    std::fs::write(file, "a person's").unwrap();
                } else {
                    std::fs::write(&saved, "a person's").unwrap();
                    std::fs::rename(saved, file).unwrap();
                }
            });
            let meta = Meta {
                executable: Some(true),
                ..Meta::default()
            };
            let set = bench.root.set_meta(&at("file"), &seen, &meta).await;
            assert_eq!(cause(set), Cause::PreconditionFailed);
            assert_eq!(bench.text("file").unwrap(), "a person's");
        }
    }
}

/// A conflict copy of a key must not show it to others.
#[tokio::test]
async fn a_copy_is_read_by_no_more_people_than_its_original() {
    for form in FORMS {
        for (mode, len) in [(0o600, 3), (0o640, 3), (0o755, 3), (0o600, 9 << 20)] {
            let bench = Bench::with(form);
            bench.put("key", "x");
            set_mode(&bench, "key", mode);
            let meta = Meta {
                executable: Some(mode & 0o100 != 0),
                copy_of: Some(rel("key")),
                ..Meta::default()
            };
            let staged = bench
                .stage("staged", &"x".repeat(len), &meta)
                .await
                .unwrap();
            for name in bench.own_names("") {
                assert_eq!(bench.mode(&name), 0o600);
            }
            bench
                .commit(staged, Expected::Absent, Keep::No)
                .await
                .unwrap();
            assert_eq!(bench.mode("staged"), mode);
            let (seen, absent) = (bench.expect("key").await, Expected::Absent);
            let (from, to) = (at("key"), rel("copied"));
            let copied = bench.root.copy(&from, &seen, &to, &absent, &Keep::No);
            copied.await.unwrap();
            assert_eq!(bench.mode("copied"), mode);
        }
    }
}

#[tokio::test]
async fn a_copy_whose_original_is_gone_stays_its_owners_own() {
    let bench = Bench::new();
    bench.put("key", "x");
    let meta = Meta {
        copy_of: Some(rel("key")),
        ..Meta::default()
    };
    let staged = bench.stage("copy", "x", &meta).await.unwrap();
    std::fs::remove_file(bench.path("key")).unwrap();
    bench
        .commit(staged, Expected::Absent, Keep::No)
        .await
        .unwrap();
    assert_eq!(bench.mode("copy"), 0o600);
}
