//! What a server answers, and what other programs left in a bucket (P11, P22).

mod canned;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use tandem_core::content::{ByteStream, BytesContent};
use tandem_core::error::{Result, StorageError};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{
    Commit, Depth, Discard, Expected, FolderListing, Keep, Listed, Meta, ResumeToken, Root,
    Unheard, VersionKey,
};

use super::keys::{copy_source, decoded};
use super::tags::{md5_of_tag, tag_of_parts, unquoted};
use crate::hashes::hex;
use crate::objects::keys::encoded;
use crate::objects::metadata::{self, TimeForm};
use crate::objects::object::UserMetadata;
use crate::objects::parts::Token;
use canned::{SECRETS, root, wait};

/// What an error may say, in bytes: a server's words are cut.
const LONGEST_DETAIL: usize = 1_024;

/// That it is something to show: one line, not without end, and no secret in it.
fn is_told(error: &StorageError) {
    let shown = error.to_string();
    assert!(
        error.detail.len() <= LONGEST_DETAIL,
        "{} bytes",
        shown.len()
    );
    assert!(!error.detail.contains(char::is_control), "{shown:?}");
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{shown}");
    }
}

fn rel(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

async fn list(root: &dyn Root, depth: Depth) -> Result<Vec<FolderListing>> {
    let mut stream = root.list(&RelPath::root(), depth);
    let (mut folders, mut is_complete) = (Vec::new(), false);
    while let Some(listed) = stream.next().await {
        match listed? {
            Listed::Folder(folder) => folders.push(folder),
            Listed::Unreadable(skipped) => panic!("{skipped:?}"),
            Listed::End => is_complete = true,
        }
    }
    assert!(is_complete, "a listing without an error has an end");
    Ok(folders)
}

async fn collect(stream: Result<ByteStream>) -> Result<Vec<u8>> {
    let mut stream = stream?;
    let mut all = Vec::new();
    while let Some(piece) = stream.next().await {
        all.extend_from_slice(&piece?);
    }
    Ok(all)
}

/// That a listing is of one tree, and of no more than was sent.
fn is_a_tree(folders: &[FolderListing], sent: usize) {
    let mut told = BTreeSet::new();
    let mut names = 0;
    for listing in folders {
        assert!(told.insert(&listing.folder), "{:?} twice", listing.folder);
        let mut seen = BTreeSet::new();
        for entry in &listing.entries {
            assert!(seen.insert(&entry.name), "{} twice", entry.name);
            assert!(!entry.name.is_reserved());
            assert!(Name::new(entry.name.as_str()).is_ok());
        }
        names += listing.entries.len() + listing.skipped.len();
    }
    assert!(names <= 2 * sent && folders.len() <= 1 + sent);
}

#[test]
fn a_listing_is_one_tree_or_an_error() {
    tandem_testkit::fuzz!("s3_listing", made = 300, |input: &[u8]| {
        for depth in [Depth::Subtree, Depth::Children] {
            match wait(list(&*root(input), depth)) {
                Ok(folders) => is_a_tree(&folders, input.len()),
                Err(error) => is_told(&error),
            }
        }
    });
}

#[test]
fn an_object_is_read_as_it_was_shown_or_not_at_all() {
    tandem_testkit::fuzz!("s3_object", made = 200, |input: &[u8]| {
        let root = root(input);
        let path = rel("file");
        let entry = match wait(root.stat(&path.clone().into())) {
            Ok(Some(entry)) => entry,
            Ok(None) => return,
            Err(error) => return is_told(&error),
        };
        assert_eq!(entry.name.as_str(), "file");
        match wait(async { collect(root.read(&path.into(), &entry, 0, entry.size).await).await }) {
            Ok(bytes) => assert_eq!(bytes.len() as u64, entry.size),
            Err(error) => is_told(&error),
        }
    });
}

#[test]
fn versions_lie_where_versions_lie() {
    tandem_testkit::fuzz!("s3_versions", made = 300, |input: &[u8]| {
        let root = root(input);
        for path in [None, Some(rel("file"))] {
            let versions = match wait(root.versions(path.as_ref())) {
                Ok(versions) => versions,
                Err(error) => {
                    is_told(&error);
                    continue;
                }
            };
            assert!(versions.len() <= input.len());
            for version in versions {
                assert!(path.as_ref().is_none_or(|path| version.key.path() == path));
                if let VersionKey::Kept {
                    device,
                    date,
                    action,
                    ..
                } = &version.key
                {
                    for part in [device, date, action] {
                        assert!(Name::new(part.clone()).is_ok(), "{:?}", version.key);
                    }
                }
                assert!(
                    version.key.path().names().all(|name| !name.is_reserved()),
                    "{:?}",
                    version.key
                );
            }
        }
    });
}

#[test]
fn a_change_is_done_as_it_was_meant_or_is_an_error() {
    tandem_testkit::fuzz!("s3_changes", made = 40, |input: &[u8]| {
        let root = root(input);
        let (path, meta, any) = (rel("file"), Meta::default(), Expected::Any);
        let errors = wait(async {
            let mut errors = Vec::new();
            for text in ["text", "longer than one part"] {
                let content = Arc::new(BytesContent(Bytes::from_static(text.as_bytes())));
                match root
                    .stage(&path, content, &meta, None, Arc::new(Unheard))
                    .await
                {
                    Ok(staged) => {
                        let commit = Commit {
                            staged,
                            expected: Expected::Absent,
                            keep: Keep::No,
                            sink: None,
                        };
                        match root.commit(vec![commit]).await.remove(0) {
                            Ok(made) => assert_eq!(made.entry.size, text.len() as u64),
                            Err(error) => errors.push(error),
                        }
                    }
                    Err(error) => errors.push(error),
                }
            }
            let at = path.clone().into();
            errors.extend(root.create_folder(&rel("folder")).await.err());
            errors.extend(
                root.copy(&at, &any, &rel("other"), &Expected::Absent, &Keep::No)
                    .await
                    .err(),
            );
            errors.extend(
                root.delete(&at, &any, &Keep::No, Discard::Forever)
                    .await
                    .err(),
            );
            errors.extend(
                root.set_meta(
                    &at,
                    &any,
                    &Meta {
                        executable: Some(true),
                        ..meta.clone()
                    },
                )
                .await
                .err(),
            );
            errors.extend(root.identity(true).await.err());
            errors
        });
        errors.iter().for_each(is_told);
    });
}

#[test]
fn metadata_is_read_as_it_was_written() {
    tandem_testkit::fuzz!("s3_metadata", |input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        if let Some(at) = metadata::parse_decimal(&text) {
            assert_eq!(metadata::parse_decimal(&metadata::decimal(at)), Some(at));
        }
        let all =
            ["mtime", "mode", "md5chksum"].map(|key| (key.to_owned(), text.clone().into_owned()));
        let all = UserMetadata::from(all);
        let mtime = metadata::mtime(&all);
        let meta = Meta {
            mtime,
            executable: Some(metadata::executable(&all)),
            ..Meta::default()
        };
        for form in [TimeForm::Decimal, TimeForm::Rfc3339] {
            let again = metadata::with_meta(all.clone(), &meta, form);
            assert_eq!(metadata::mtime(&again), mtime);
            assert_eq!(metadata::executable(&again), metadata::executable(&all));
        }
        let tag = unquoted(&text);
        assert!(unquoted(&format!("\"{tag}\"")) == tag || tag.trim() != tag);
        if let Some(md5) = md5_of_tag(&text) {
            assert_eq!(hex(&md5), tag.to_ascii_lowercase());
        }
    });
}

#[test]
fn a_key_comes_back_from_how_it_is_sent() {
    tandem_testkit::fuzz!("s3_key", |input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        assert_eq!(decoded(&encoded(&text)), text.as_bytes());
        assert!(decoded(&text).len() <= text.len());
        let source = copy_source("bucket", &text, Some(&text));
        assert!(
            source.bytes().all(|byte| byte.is_ascii_graphic()),
            "{source}"
        );
        assert_eq!(source.matches('?').count(), 1);
        let (key, version) = source.split_once("?versionId=").unwrap();
        assert_eq!(decoded(&key["bucket/".len()..]), text.as_bytes());
        assert_eq!(decoded(version), text.as_bytes());
    });
}

#[test]
fn a_token_of_an_upload_names_parts_that_there_are_or_is_refused() {
    tandem_testkit::fuzz!("s3_token", |input: &[u8]| {
        let text = ResumeToken(String::from_utf8_lossy(input).into_owned());
        let token = match Token::parse(&text) {
            Ok(token) => token,
            Err(error) => return assert!(!error.detail.is_empty()),
        };
        assert_eq!(Token::parse(&token.write().unwrap()).unwrap(), token);
        let Token::Parts(upload) = token else { return };
        if !upload.is_sound() {
            return;
        }
        assert!(upload.parts.len() <= upload.count() as usize);
        for part in &upload.parts {
            let (offset, length) = upload.range(part.number);
            assert!(offset < upload.len && length > 0 && offset + length <= upload.len);
        }
        assert!(tag_of_parts(&upload.parts).is_none_or(|tag| tag.len() < 50));
    });
}
