//! Cases about names: such as a side takes for one, such as are taken already, and what gives way.

use super::regressions::holds;

/// A folder that a side is still to receive was made there in each round under a name that it takes for a file's (seeds
/// 2379489, 5869822, 6272804, 6311432, 6605927).
#[test]
fn what_is_owed_keeps_out_of_a_taken_name() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Strong folder_revisions=Own hash=Sha256 cheap_reads=false executable=false folds_case=true small_files=true
        base folder "D"
        base folder "D/D"
        base write "D/c" 16 1
        0 source write "D/D/D" 20
        0 destination move "D/c" "b"
        0 source write "D/d" 21
        0 destination delete "D"
        4 destination write "D/D" 22
        "#,
    );
}

/// The same at a backup (seed 6080681).
#[test]
fn what_a_backup_is_owed_keeps_out_of_a_taken_name() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Hint revisions=Fingerprint folder_revisions=Children hash=None replace_gives_id=true folds_case=true
        policy: source-backup hash-then-mtime merge keep-both
        order: 15375778868617048337
        base folder "g"
        base folder "g/a"
        base folder "d"
        base folder "g/a/g"
        base folder "g/g"
        base write "g/c" 20 2
        base write "g/a/g/x:y" 24 1
        base write "g/con" 25 3
        base write "g/a/g/n.txt" 26 2
        base write "g/a/A" 27 2
        base write "d/cafe\u{301}" 29 3
        base link "g/N.txt" 1
        0 source write "g/g/n.txt" 3
        0 source write "g/A" 32
        0 destination folder "g/g/D"
        0 destination move "g/c" "g/C"
        11 destination unreadable "g/g/D"
        15 destination move "g" "d/g"
        15 destination write "d/g/a/g/x:y" 34
        19 destination write "g/a" 36
        "#,
    );
}

/// What is spelled otherwise on each side and moved with its folder was taken for renamed, and never noted (seed 3636839).
#[test]
fn a_moved_folder_takes_along_a_file_spelled_otherwise() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Own hash=Md5 replace_gives_id=true executable=false folds_case=true folds_unicode=true
        destination: ids=None revisions=ContentCounter folder_revisions=Children hash=Md5
        policy: destination-to-source hash-then-mtime merge keep-both
        base folder "D"
        base folder "g"
        0 destination write "D/café" 20 2
        0 source write "D/cafe\u{301}" 21 2
        0 destination folder "g/f"
        22 destination move "D" "g/f/D"
        "#,
    );
}

/// Of two folders whose names are one at a mirror's follower the second, which has a name of its own there, and all in it
/// was never noted (seed 2763821).
#[test]
fn a_folder_beside_its_twin_is_followed_under_its_own_name() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Children hash=None cheap_reads=false replace_gives_id=true folds_case=true
        destination: ids=None folder_revisions=Own hash=Sha256 cheap_reads=false folder_move=false symlinks=false
        policy: destination-to-source hash-then-mtime merge keep-both
        base folder "a"
        base folder "a/f"
        base folder "D"
        base write "a/d" 12 3
        base write "D/N.txt" 1 1
        0 destination folder "d"
        0 source swap "D" "a/f"
        0 destination swap "a" "D"
        "#,
    );
}

/// A file takes the name of the folder that it lies in, which moved, where folders go with the last thing in them
/// (seed 6416342).
#[test]
fn a_file_takes_the_name_of_a_folder_that_went_elsewhere() {
    holds(
        r#"
        source: ids=Strong cheap_reads=false move_gives_revision=true symlinks=false empty_folders=false
        destination: ids=Strong
        base write "g/c" 15 1
        base write "e/N.txt" 16 3
        0 destination move "g/c" "e/x:y"
        0 source delete "e"
        0 destination swap "g" "e/x:y"
        "#,
    );
}

/// The same from further below, at a mirror's follower (seed 7694190).
#[test]
fn a_file_takes_the_name_of_a_folder_that_it_lies_deep_in() {
    holds(
        r#"
        source: ids=None folder_revisions=Own hash=None folder_move=false move_gives_revision=true empty_folders=false
        destination: ids=Strong revisions=ContentHash hash=None cheap_reads=false versions=false symlinks=false folds_case=true strict_names=true
        policy: destination-to-source hash-then-mtime merge keep-both
        base write "a/cafe\u{301}" 12 1
        base write "D/a/f/a" 16 3
        0 destination delete "D/a"
        0 source swap "a" "D/a/f/a"
        0 destination swap "D" "a/cafe\u{301}"
        "#,
    );
}

/// A folder that a side was still to receive came there by a person's move and was moved on: it was owed for ever, and what
/// lies in it was noted twice (seed 6666793).
#[test]
fn a_folder_that_was_owed_and_came_is_in_step() {
    holds(
        r#"
        source: ids=None hash=None move_gives_revision=true mtime=false coarse_mtime=true executable=false symlinks=false
        destination: ids=Strong folder_revisions=Own hash=None folds_case=true folds_unicode=true
        order: 3460866546914357931
        base folder "d"
        base folder "d/d"
        base folder "a"
        base folder "a/a"
        base write "d/d/con" 15 1
        0 source write "a/a/A" 33
        0 destination move "d/d" "d/D"
        0 source move "d" "D"
        2 source move "D" "d"
        "#,
    );
}

/// A file took the name of a moved folder that had been deleted meanwhile: what had been noted in that was to be moved out of
/// the file in each round (seed 4404077).
#[test]
fn what_was_noted_in_a_folder_goes_with_it() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Strong
        policy: destination-backup hash-then-mtime merge keep-both
        base folder "D"
        base folder "a"
        base folder "D/f"
        base folder "a/D"
        base write "a/D/x:y" 11 2
        base write "a/D/c" 12 2
        base write "a/x:y" 13 3
        base write "D/a" 4 2
        base write "D/f/c" 15 1
        base write "D/f/A" 17 3
        4 destination flip "a/x:y"
        4 destination delete "D/f"
        4 source move "a/D/c" "a/D/b"
        4 destination move "D/a" "a/D/x:y"
        12 source move "D" "a/D/x:y (conflict 2023-11-01 082640 device-0000)"
        15 source delete "a/D/x:y (conflict 2023-11-01 082640 device-0000)"
        "#,
    );
}

/// Of a folder that is to get its name back on a mirror's follower, and a file that wants that name, neither got it
/// (seed 19045825; 24670242).
#[test]
fn a_name_that_a_folder_gets_back_is_weighed_like_any_other() {
    holds(
        r#"
        source: ids=Strong revisions=ContentCounter folder_revisions=Own hash=Sha256 coarse_mtime=true executable=false empty_folders=false
        destination: ids=Strong revisions=ContentHash folder_revisions=Children hash=None mtime=false coarse_mtime=true symlinks=false folds_case=true
        policy: source-backup hash-then-mtime merge keep-both
        base write "g/b" 11 1
        base write "a/a" 12 1
        base write "x:y" 13 1
        base write "g/N.txt" 16 3
        0 destination swap "a" "g/N.txt"
        0 source delete "a"
        0 destination swap "a" "g"
        0 destination swap "a" "x:y"
        10 destination move "g/N (swap 3).TXT" "g/N.txt"
        "#,
    );
}

/// A folder whose name differs from another's by case kept one of its own after the other was forgotten (seed
/// 26184909).
#[test]
fn what_a_mirror_forgets_leaves_its_name_to_a_twin() {
    holds(
        r#"
        source: ids=None revisions=ContentHash folder_revisions=Own hash=Sha256 cheap_reads=false coarse_mtime=true executable=false
        destination: ids=Hint revisions=Fingerprint folder_revisions=Own hash=Sha256 replace_gives_id=true coarse_mtime=true folds_case=true folds_unicode=true
        policy: source-backup hash-then-mtime merge keep-both
        base folder "e"
        base folder "e/d"
        base folder "D"
        base write "D/d" 12 2
        base write "e/a" 26 2
        0 source move "D" "e/D"
        0 destination swap "e/a" "e/d"
        10 source delete "e/d"
        "#,
    );
}

/// A folder that stayed where it was deleted, for something in it is not synced, kept one from its name that the
/// other side spells in capitals, in each round (seed 39015281).
#[test]
fn what_comes_in_capitals_meets_a_folder_that_stayed_for_what_is_not_synced() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Children hash=None replace_gives_id=true executable=false folds_case=true folds_unicode=true
        destination: ids=Hint revisions=Fingerprint folder_revisions=Children hash=Sha256 folder_move=false replace_gives_id=true symlinks=false
        base folder "d"
        base write "x:y" 12 3
        base write "d/n.txt" 18 1
        0 destination move "d" "D"
        0 source move "d/n.txt" "d/A"
        0 destination write "D/con" 21
        0 source filter "A"
        0 destination swap "D/con" "x:y"
        "#,
    );
}

/// The same on a mirror, for a folder that is sent again (seed 46835224).
#[test]
fn what_a_mirror_sends_again_in_capitals_waits_for_a_folder_that_stayed() {
    holds(
        r#"
        source: ids=None folder_revisions=Children hash=Sha256 cheap_reads=false coarse_mtime=true executable=false symlinks=false folds_case=true folds_unicode=true strict_names=true
        destination: ids=Strong
        policy: destination-to-source hash-then-mtime merge keep-both
        base folder "D"
        base folder "a"
        base write "D/c" 2 1
        0 source move "D" "d"
        0 destination write "A" 33 3
        0 destination move "a" "D/D"
        0 source filter "c"
        "#,
    );
}

/// Of two folders of one name, one there and one owed, what lies in the first was taken for what lies in the second,
/// and that was made outside (seed 48185920; 51323886).
#[test]
fn a_folder_that_is_there_is_known_by_its_name_before_one_that_is_owed() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Children hash=Md5 executable=false
        destination: ids=Strong hash=Sha256 cheap_reads=false folder_move=false move_gives_revision=true symlinks=false strict_names=true
        base folder "a"
        base folder "e"
        base folder "a/f"
        base folder "e/f"
        base folder "e/f/a"
        base write "e/f/A" 12 1
        base write "a/f/café" 14 3
        base write "e/f/a/c" 15 2
        0 source delete "e/f/a/c"
        0 source swap "e" "a"
        4 destination delete "e"
        "#,
    );
}

/// A folder that got a name of its own beside a file at a mirror's follower was not noted there, and what is to lie
/// in it never came (seed 41641850).
#[test]
fn a_folder_told_from_a_file_on_a_mirror_is_noted() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint hash=None cheap_reads=false move_gives_revision=true replace_gives_id=true coarse_mtime=true executable=false symlinks=false folds_case=true
        destination: ids=Strong
        policy: destination-to-source hash-then-mtime merge keep-both
        base folder "f"
        base folder "D"
        base write "f/a" 11 3
        0 destination move "f" "D/f"
        0 source swap "f/a" "D"
        0 destination write "d" 17
        "#,
    );
}

/// Something that is never carried kept a file from a name that is its own only on the other side (seed 64782204).
#[test]
fn what_is_never_carried_keeps_nothing_from_its_name() {
    holds(
        r#"
        source: ids=None revisions=ContentCounter folder_revisions=Children hash=Md5 cheap_reads=false folder_move=false coarse_mtime=true
        destination: ids=None revisions=ContentCounter hash=Sha256 cheap_reads=false versions=false coarse_mtime=true folds_unicode=true strict_names=true small_files=true
        policy: source-backup hash-then-mtime merge keep-both
        base folder "d"
        base write "café" 14 2
        base link "d/café" 1
        0 source swap "café" "d/café"
        0 source opaque "d/cafe\u{301}"
        "#,
    );
}
