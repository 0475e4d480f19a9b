//! Cases that once failed, made small.

use tandem_testkit::planner::{Case, run_case, tell};

/// Runs a case that must break nothing. Answers what the source has at last, as it is told.
#[track_caller]
pub(super) fn holds(case: &str) -> String {
    let case: Case = case.parse().expect("the case can be read");
    let outcome = run_case(&case);
    let told = tell(&case);
    assert!(
        outcome.violations.is_empty(),
        "{:#?}\n{}",
        outcome.violations,
        told.join("\n")
    );
    let mut last = told.into_iter().rev();
    last.find(|line| line.starts_with("  source has"))
        .unwrap_or_default()
}

/// `e/A` came back as the delete of `e/a` was to be proven: the side answered for the one with the other.
#[test]
fn a_delete_is_not_kept_up_by_another_spelling() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Strong folds_case=true
        base folder "e"
        base write "e/a" 17 2
        base write "e/A" 25 2
        0 destination delete "e"
        "#,
    );
}

/// The same of a folder above: `d/f` is gone, for `d` is, though `D/f` is there.
#[test]
fn a_delete_is_proven_by_the_folder_that_is_gone() {
    holds(
        r#"
        source: ids=None folds_case=true
        destination: ids=Strong
        base folder "d"
        base folder "d/f"
        0 source move "d" "D"
        "#,
    );
}

/// What only a mirror's follower has is gone from the leader, though that has a folder in another spelling.
#[test]
fn a_mirror_removes_a_folder_that_differs_in_case() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Strong folds_case=true
        policy: destination-to-source hash-then-mtime merge keep-both
        base folder "D"
        base folder "d"
        base write "D/con" 11 3
        base write "d/con" 21 2
        "#,
    );
}

/// `e/A` went over to the name of `e/a`, which an edit then brought back: the planner was not told of it.
#[test]
fn what_comes_back_meets_what_took_its_name_by_case() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Strong folds_case=true
        base folder "e"
        base folder "e/a"
        base folder "e/a/d"
        base write "e/a/d/c" 16 2
        base write "e/A" 21 2
        base write "e/a/d/n.txt" 25 3
        0 destination delete "e/a"
        5 source write "e/a/d/c" 28
        "#,
    );
}

/// A file was found again in a folder whose name the other side refuses: it waited for that for ever, and kept its
/// old folder from giving way.
#[test]
fn a_move_into_a_folder_that_cannot_be_named_leaves_the_pair() {
    holds(
        r#"
        source: ids=None
        destination: ids=Strong folds_case=true strict_names=true
        base folder "g"
        base folder "g/D"
        base folder "g/D/g"
        base write "g/D/g/x:y" 12 1
        base write "g/con" 14 2
        0 source swap "g/con" "g/D/g"
        "#,
    );
}

/// The time was set by id after a person had renamed the file: the base took the new name for the side's spelling.
#[test]
fn a_time_set_on_what_was_renamed_does_not_hide_the_rename() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Strong
        base write "c" 15 1
        0 destination touch "c" 3
        2 source move "c" "d"
        "#,
    );
}

/// A folder waited for a file's name, and the file for a folder below that one: no circle was seen.
#[test]
fn moves_that_wait_for_a_folder_above_are_a_circle() {
    holds(
        r#"
        source: ids=Strong revisions=ContentCounter folder_revisions=Children folds_case=true
        destination: ids=Strong
        base folder "e"
        base folder "e/d"
        base folder "D"
        base write "D/d" 13 1
        base write "e/d/z" 21 1
        0 source swap "D/d" "e/d/z"
        0 source swap "e" "D/d"
        "#,
    );
}

/// The old id of a folder lived on in one that moved with changes: the folder that has its name was left out, and
/// what is in it deleted on the other side.
#[test]
fn a_folder_with_a_new_id_is_the_folder_of_its_name() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Hint revisions=Fingerprint folder_revisions=Own folder_move=false strict_names=true
        base folder "f"
        base folder "e"
        base write "f/con" 25 2
        0 source folder "f/e"
        2 destination move "f" "e/d"
        "#,
    );
}

/// A folder that went out of a file's way was still owed to the leader: it stayed at the follower for ever.
#[test]
fn what_a_mirror_put_aside_goes() {
    holds(
        r#"
        source: ids=None folder_revisions=Own hash=None
        destination: ids=Strong
        policy: source-to-destination hash-then-mtime merge keep-both
        base folder "g"
        base folder "a"
        base folder "a/g"
        base folder "g/f"
        base folder "a/g/a"
        base write "g/f/z" 29 2
        0 source swap "a/g/a" "g/f/z"
        0 destination unreadable "a/g/a"
        "#,
    );
}

/// The same with a file in the folder, which the base still had on the leader.
#[test]
fn what_lies_in_a_folder_put_aside_goes_with_it() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=None revisions=ContentCounter folder_revisions=Children empty_folders=false
        policy: destination-to-source hash-then-mtime merge keep-both
        base folder "g"
        base folder "g/D"
        base folder "d"
        base folder "d/d"
        base write "g/D/d" 19 2
        base write "d/d/a" 20 2
        0 destination swap "g/D" "d"
        "#,
    );
}

/// Where the leader has no empty folders, one went from a backup because a file took its name over there.
#[test]
fn a_backup_keeps_a_folder_whose_name_a_file_took() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=None revisions=ContentCounter folder_revisions=Own empty_folders=false
        policy: destination-backup hash-then-mtime merge keep-both
        base folder "D"
        base folder "D/a"
        base write "A" 11 1
        0 destination move "A" "D/a"
        "#,
    );
}

/// The source put an old conflict copy over the original with its time, and the destination removed that copy: it
/// cannot stand for the source's version, which is then nowhere.
#[test]
fn a_conflict_copy_that_goes_does_not_stand_for_the_loser() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Strong
        policy: two-way hash-only merge keep-both
        versions: false
        base write "a" 11 1
        base write "a (conflict 2023-11-01 082640 device-0000)" 21 2
        0 source write "a" 21 2
        0 destination write "a" 31 3
        0 destination delete "a (conflict 2023-11-01 082640 device-0000)"
        "#,
    );
}

/// What had the name on both sides was left out for what had come there on one alone, and then neither could be carried
/// (seed 91303).
#[test]
fn what_both_sides_have_there_keeps_its_name() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=None hash=Sha256 mtime=false executable=false symlinks=false folds_case=true
        base folder "g"
        base folder "g/D"
        base folder "g/D/d"
        base folder "a"
        base folder "a/D"
        0 source move "g/D/d" "a/D/d"
        0 source move "g" "a/D/g"
        0 destination move "g/D/d" "a/D/d"
        0 source move "a/D/g/D" "a/D/D"
        "#,
    );
}

/// A folder that came back because something had moved into it took the name from one that both sides had (seed 116608).
#[test]
fn a_folder_that_comes_back_leaves_a_twin_its_name() {
    holds(
        r#"
        source: ids=None folder_revisions=Own coarse_mtime=true folds_case=true
        destination: ids=Strong
        base folder "g"
        base folder "g/g"
        base folder "f"
        base folder "f/d"
        base write "g/b" 24 2
        base write "f/d/d" 27 2
        4 source write "f/d/N.txt" 31
        4 source delete "g/b"
        4 source move "f/d" "f/D"
        4 destination write "g/N.txt" 32 1
        11 destination move "g/g" "f/d/D"
        "#,
    );
}

/// The same where a file had moved into it (seed 149176).
#[test]
fn a_folder_that_comes_back_for_a_file_leaves_a_twin_its_name() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Hint revisions=Fingerprint folder_revisions=Own hash=None replace_gives_id=true versions=false mtime=false symlinks=false folds_case=true folds_unicode=true strict_names=true
        base folder "D"
        base folder "a"
        base folder "D/e"
        base folder "a/a"
        base folder "g"
        base folder "D/e/D"
        base write "D/e/D/A" 11 3
        base write "a/a/A" 24 1
        0 destination move "a" "A"
        0 destination move "A/a/a" "g/n.txt"
        0 source move "D/e" "D/E"
        6 source move "D/E/D/A" "a/a/cafe\u{301}"
        "#,
    );
}

/// Two new files met under a name by case while a move wanted it too, and one under a name for a while waited for ever
/// (seed 189468).
#[test]
fn a_move_to_the_name_of_what_both_have_there_leaves_the_pair() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=None revisions=ContentCounter folder_revisions=Children hash=None cheap_reads=false coarse_mtime=true executable=false folds_case=true
        base folder "d"
        base folder "d/f"
        base folder "d/d"
        base folder "f"
        base folder "f/a"
        base write "f/a/cafe\u{301}" 17 3
        base write "a" 27 2
        0 source swap "a" "f/a/cafe\u{301}"
        0 source write "A" 32
        0 destination move "d/f" "d/d/D"
        4 destination write "a" 33
        "#,
    );
}

/// A mirror's follower had swapped two files, and what the leader had anew met one of them by case (seed 88036).
#[test]
fn a_mirror_takes_back_a_swap_beside_a_twin() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Hint revisions=Fingerprint folder_move=false move_gives_revision=true replace_gives_id=true mtime=false executable=false folds_case=true
        policy: source-to-destination hash-then-mtime merge keep-both
        base folder "d"
        base folder "d/g"
        base folder "d/g/D"
        base write "d/n.txt" 12 2
        base write "d/g/D/d" 25 2
        0 destination swap "d/g/D/d" "d/n.txt"
        0 source write "d/N.txt" 32
        "#,
    );
}

/// A folder had another id than in the base and could not be read: what is in it was to be deleted (seed 179150).
#[test]
fn what_lies_in_an_unread_folder_with_a_new_id_is_not_gone() {
    holds(
        r#"
        source: ids=Strong revisions=ContentCounter folder_revisions=Own hash=None strict_names=true empty_folders=false
        destination: ids=Hint revisions=Fingerprint folder_revisions=Own hash=Sha256 folder_move=false replace_gives_id=true executable=false
        order: 15049560132829310615
        base write "f/e/D/d" 21 1
        0 source move "f" "F"
        2 destination save "F" 28
        8 destination unreadable "F/e/D"
        "#,
    );
}

/// The same where the folder went aside and back before it could not be read (seed 121840).
#[test]
fn what_lies_in_an_unread_folder_that_was_passed_is_not_gone() {
    holds(
        r#"
        source: ids=Strong folder_revisions=Children hash=None folder_move=false executable=false folds_case=true
        destination: ids=Strong folder_revisions=Children hash=Md5 cheap_reads=false coarse_mtime=true executable=false
        base folder "a"
        base folder "a/D"
        base folder "d"
        base write "x:y" 11 3
        base write "a/D/a" 20 1
        base write "cafe\u{301}" 21 2
        base link "n.txt" 1
        0 source delete "cafe\u{301}"
        0 destination move "a" "d/f"
        0 destination swap "n.txt" "d"
        0 destination folder "n.txt/g"
        0 source delete "x:y"
        8 source write "x:y" 32
        13 source unreadable "n.txt/f/D"
        "#,
    );
}

/// A filter kept a folder, and what wanted its name by case was tried for ever (seed 178406).
#[test]
fn what_wants_the_name_of_a_kept_folder_by_case_waits() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Strong revisions=ContentCounter cheap_reads=false folder_move=false coarse_mtime=true folds_case=true
        base folder "f"
        base folder "f/D"
        base write "f/D/b" 14 2
        0 source delete "f/D"
        0 source filter "b"
        0 source write "f/d" 34
        "#,
    );
}

/// What could not be replaced was given up with its place, and a move from there with it (seed 43859).
#[test]
fn what_could_not_be_replaced_can_still_move() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Own hash=Md5 folder_move=false move_gives_revision=true replace_gives_id=true versions=false coarse_mtime=true executable=false
        destination: ids=Strong
        policy: destination-to-source hash-then-mtime merge keep-both
        base folder "f"
        base folder "f/g"
        base folder "f/D"
        base write "f/g/caf\u{e9}" 14 1
        0 source write "f/g/caf\u{e9}" 31
        11 destination swap "f/g/caf\u{e9}" "f/D"
        "#,
    );
}

/// The same where a person made room (seed 141454).
#[test]
fn what_could_not_be_replaced_is_carried_once_there_is_room() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=None hash=Sha256 cheap_reads=false folder_move=false move_gives_revision=true versions=false mtime=false strict_names=true empty_folders=false
        policy: two-way hash-then-mtime merge source-wins
        base folder "a"
        base folder "a/e"
        base folder "d"
        base folder "d/e"
        base write "a/e/a" 3 1
        0 destination move "a/e/a" "d/e/a"
        0 source move "d/e" "d/f"
        4 source write "d/f/a" 35
        41 destination delete "d/f"
        "#,
    );
}

/// A copy whose original was deleted is a move to everybody, so an edit of the original goes there (seed 126500).
#[test]
fn a_copy_of_what_is_then_deleted_is_a_move() {
    holds(
        r#"
        source: ids=None folder_revisions=Children hash=Sha256 move_gives_revision=true folds_unicode=true
        destination: ids=Strong
        versions: false
        base folder "d"
        base folder "d/D"
        base write "d/D/cafe\u{301}" 28 1
        0 source copy "d/D/cafe\u{301}" "d/d"
        0 destination save "d/D/cafe\u{301}" 4
        0 source delete "d/D"
        "#,
    );
}

/// A folder that is moved item by item gets an id that something else had before: the judge took it for that (seed
/// 107570).
#[test]
fn a_folder_made_anew_is_the_thing_that_was_moved() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Own hash=None folder_move=false replace_gives_id=true mtime=false
        destination: ids=Hint revisions=Fingerprint hash=None cheap_reads=false replace_gives_id=true symlinks=false
        base folder "d"
        base folder "e"
        base folder "d/f"
        base folder "e/g"
        base folder "e/g/D"
        base folder "d/f/D"
        base write "d/cafe\u{301}" 1 1
        0 destination swap "d/cafe\u{301}" "e/g/D"
        12 source move "d/cafe\u{301}" "d/f/D/cafe\u{301}"
        "#,
    );
}

/// What was moved out of its folder into another one that took the folder's name is not as ever (seed 115077).
#[test]
fn what_lies_in_another_folder_of_the_name_has_moved() {
    holds(
        r#"
        source: ids=Strong revisions=ContentHash mtime=false executable=false empty_folders=false
        destination: ids=Strong
        base write "n.txt" 17 2
        base write "d/f/cafe\u{301}" 21 2
        base write "g/caf\u{e9}" 22 1
        0 destination move "n.txt" "g/x:y"
        0 source delete "g"
        3 source move "d" "g"
        "#,
    );
}

/// The same where the side made the folder anew by itself, and the other cannot hold it (seed 176345).
#[test]
fn what_lies_in_a_folder_that_cannot_be_held_leaves_the_pair() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint hash=Sha256 move_gives_revision=true executable=false folds_case=true
        destination: ids=Strong folder_revisions=Own hash=None cheap_reads=false move_gives_revision=true executable=false empty_folders=false
        base folder "d"
        base folder "d/d"
        base write "d/A" 22 1
        base write "d/d/n.txt" 23 1
        0 source move "d/d" "d/D"
        2 destination move "d" "D"
        "#,
    );
}

/// A mirror's follower had put a folder into one of its own, and as it went aside there the base had each in the other
/// (seed 258744).
#[test]
fn the_base_has_no_folder_within_itself() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Strong
        policy: source-to-destination hash-then-mtime merge keep-both
        base folder "D"
        base folder "D/a"
        base folder "g"
        base write "D/a/caf\u{e9}" 26 3
        0 destination move "D/a" "g/a"
        0 destination swap "g/a/caf\u{e9}" "D"
        "#,
    );
}

/// Of two files that the chosen comparison takes for one, one was moved over another and the other deleted (seed 325151).
#[test]
fn what_is_taken_for_one_stands_for_the_other() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint hash=Md5 replace_gives_id=true symlinks=false
        destination: ids=Hint revisions=Fingerprint folder_revisions=Children hash=None move_gives_revision=true replace_gives_id=true coarse_mtime=true
        policy: two-way mtime-only merge keep-both
        base folder "d"
        base folder "f"
        base write "f/A" 30 2
        0 source write "d/d" 31
        0 destination save "d/d" 32
        31 source move "d/d" "f/A"
        "#,
    );
}

/// A copy was carried and deleted on the other side, and then its original was deleted: neither was a move (seed 400327).
#[test]
fn a_copy_that_was_carried_is_another_file() {
    holds(
        r#"
        source: ids=None revisions=ContentHash folder_move=false versions=false
        destination: ids=Strong
        versions: false
        base folder "e"
        base folder "e/f"
        base write "e/caf\u{e9}" 11 3
        0 source copy "e/caf\u{e9}" "e/f/d"
        16 destination delete "e/f"
        16 source delete "e/caf\u{e9}"
        "#,
    );
}

/// A folder was moved away while something was made in it, which made it anew under the id of the first (seed 1374928).
#[test]
fn a_folder_made_anew_has_not_the_notes_of_the_first() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Hint revisions=Fingerprint folder_revisions=Children hash=Sha256 replace_gives_id=true strict_names=true
        policy: two-way hash-then-mtime merge keep-both
        versions: true
        order: 0
        base folder "d"
        base folder "d/g"
        base folder "e"
        base folder "e/g"
        base folder "D"
        base folder "a"
        base write "e/caf\u{e9}" 20 2
        base write "e/g/n.txt" 3 1
        0 source folder "f"
        0 source move "d" "D/d"
        0 destination delete "d"
        0 source folder "D/d/e"
        0 destination move "a" "A"
        0 destination swap "D" "e/caf\u{e9}"
        10 destination move "e/caf\u{e9}/d" "A/D"
        "#,
    );
}

/// A folder was moved to the same place on both sides, and one of them does not tell moves (seed 760527).
#[test]
fn a_folder_that_was_moved_alike_is_met_again() {
    holds(
        r#"
        source: ids=None folder_revisions=Children hash=Md5 cheap_reads=false move_gives_revision=true versions=false coarse_mtime=true executable=false strict_names=true empty_folders=false
        destination: ids=Strong
        policy: two-way hash-then-mtime merge merge
        versions: true
        order: 7533940527318813753
        base write "f/g/N.txt" 11 3
        base write "N.txt" 13 1
        base write "D/n.txt" 14 1
        base write "f/g/a/n.txt" 15 3
        base write "N.txt" 17 3
        base write "f/N.txt" 18 1
        base write "f/a/d" 20 2
        base write "f/a/d" 22 1
        base write "D/n.txt" 23 1
        base write "f/a/d" 2 1
        base write "f/a/c" 26 3
        base write "f/g/a/N.txt" 29 3
        0 source save "f/a/c" 30
        0 destination folder "D/g"
        0 source move "f/g/a" "D/d"
        7 destination save "D/d/n.txt" 31
        9 destination write "f/a/c" 3
        12 destination write "D/d/N.txt" 32
        27 destination swap "f/a/d" "D"
        27 destination write "N.txt" 33
        27 source swap "D/d/n.txt" "f/a"
        27 destination delete "f/a/d/d/N (conflict 2023-11-14 221338 device-0000).txt"
        31 source move "D" "f/a/d"
        "#,
    );
}

/// Tandem moved a folder back to where the base has it: what was seen in it elsewhere is in it there (seed 1012300).
#[test]
fn what_lies_in_a_folder_comes_back_with_it() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Children hash=None replace_gives_id=true mtime=false coarse_mtime=true executable=false
        destination: ids=Strong revisions=ContentHash folder_revisions=Children hash=None cheap_reads=false executable=false folds_unicode=true
        policy: source-backup hash-then-mtime merge keep-both
        versions: true
        order: 2346802706867980917
        base folder "f"
        base folder "a"
        base folder "g"
        base folder "a/D"
        base folder "D"
        base write "f/n.txt" 16 1
        base write "D/cafe\u{301}" 18 3
        base write "g/cafe\u{301}" 24 3
        base write "a/b" 25 1
        0 source swap "f/n.txt" "a/b"
        0 source link "a/D/x:y" 3
        0 destination swap "f" "a"
        6 destination move "a (swap 1)" "a"
        "#,
    );
}
