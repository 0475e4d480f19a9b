//! Cases in which the judge was wrong: what happened is what DESIGN says.

use super::regressions::holds;

/// Who deletes a file and writes the same elsewhere has moved it where ids do not tell, so an edit of it goes there (seeds
/// 641673, 573821, 850926, 988856, 1236251).
#[test]
fn what_is_deleted_and_written_elsewhere_has_moved() {
    holds(
        r#"
        source: ids=None hash=None move_gives_revision=true versions=false mtime=false coarse_mtime=true folds_unicode=true
        destination: ids=Strong
        base folder "D"
        base folder "e"
        base write "D/cafe\u{301}" 4 3
        0 source delete "D"
        0 source write "e/x:y" 4
        0 destination write "D/cafe\u{301}" 1
        "#,
    );
}

/// What is deleted and written again as it was is no edit, so the other side's replaces it (seed 481484).
#[test]
fn what_was_in_step_and_comes_back_is_no_edit() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Strong
        versions: false
        base folder "g"
        base folder "g/D"
        base folder "g/a"
        base folder "g/D/e"
        base folder "g/D/a"
        base write "g/D/a/cafe\u{301}" 11 3
        base write "g/caf\u{e9}" 3 1
        base write "g/a/caf\u{e9}" 19 3
        base write "g/D/a/n.txt" 20 2
        base write "g/D/e/c" 1 3
        0 destination write "g/D/e/c" 30
        0 source delete "g"
        0 destination swap "g/D/a" "g/a/caf\u{e9}"
        0 destination write "g/caf\u{e9}" 32 3
        11 source save "g/D/e/c" 1
        "#,
    );
}

/// Where ids do not tell, two files that were swapped were both edited, and half of that was carried when a person moved
/// the one over the other, equal by then (seed 698401).
#[test]
fn a_swap_without_ids_is_two_edits() {
    holds(
        r#"
        source: ids=None folder_revisions=Children hash=None mtime=false symlinks=false strict_names=true empty_folders=false
        destination: ids=None folder_revisions=Own hash=Md5 cheap_reads=false coarse_mtime=true folds_case=true
        versions: false
        order: 993401441695950219
        base write "g/d/c" 15 3
        base write "g/e/g/c" 16 3
        base write "g/e/g/a" 17 3
        base write "g/e/g/N.txt" 18 3
        base write "g/e/caf\u{e9}" 20 3
        base write "g/e/b" 21 2
        base write "g/e/g/b" 22 2
        base write "g/e/N.txt" 25 1
        0 source swap "g/e/b" "g/d/c"
        0 destination delete "g/e/b"
        0 destination move "g/e" "g/d/e"
        0 destination write "c" 31
        14 destination move "g/e/b" "g/d/c"
        "#,
    );
}

/// The same where the other side's ids tell which of the two is gone (seed 514412).
#[test]
fn a_file_moved_over_one_of_its_content_is_told_by_its_id() {
    holds(
        r#"
        source: ids=None revisions=ContentHash hash=Md5 mtime=false executable=false symlinks=false folds_case=true
        destination: ids=Strong
        versions: false
        base folder "D"
        base folder "D/D"
        base write "D/caf\u{e9}" 11 1
        base write "D/D/A" 12 1
        base write "D/d/a" 17 3
        0 source swap "D/D/A" "D/caf\u{e9}"
        3 destination move "D/D/A" "D/caf\u{e9}"
        "#,
    );
}

/// A mirror's folder waited for the name of a file, which waited for that of a folder kept for what is filtered out (seed
/// 589420).
#[test]
fn what_waits_for_what_waits_is_not_tried_again() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Strong
        policy: destination-to-source hash-then-mtime merge keep-both
        base folder "a"
        base folder "a/D"
        base folder "D"
        base write "cafe\u{301}" 21 1
        base write "a/D/a" 26 2
        0 source swap "cafe\u{301}" "D"
        0 source swap "cafe\u{301}" "a/D"
        0 source filter "a"
        "#,
    );
}

/// A folder could not be deleted as long as something in it waited for one that is not made (seed 715448).
#[test]
fn a_folder_stays_for_what_waits_in_it() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=None revisions=ContentCounter folder_revisions=Children hash=None coarse_mtime=true executable=false folds_case=true folds_unicode=true
        policy: source-to-destination hash-then-mtime merge keep-both
        base folder "g"
        base folder "g/f"
        base folder "d"
        base folder "a"
        base folder "a/g"
        base write "d/con" 22 2
        base write "a/g/A" 24 2
        0 destination move "d" "g/f/g"
        0 destination move "a/g" "D"
        0 source filter "A"
        "#,
    );
}

/// Of two files that were swapped content tells where the larger one went: only the other was written anew, and the edit of
/// the larger one is an edit of it (seed 1925947).
#[test]
fn of_two_that_were_swapped_each_is_told_by_its_own_content() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint hash=None move_gives_revision=true replace_gives_id=true versions=false
        destination: ids=Strong
        base folder "a"
        base folder "a/d"
        base write "a/d/A" 11 1
        base write "a/d/cafe\u{301}" 21 3
        0 source swap "a/d/A" "a/d/cafe\u{301}"
        0 destination move "a/d/cafe\u{301}" "con"
        2 destination write "con" 29
        "#,
    );
}

/// A file and a folder whose names differ by case are twins on a store without folders too: one is mapped (seeds 1822648
/// and 1831728).
#[test]
fn a_folder_is_a_twin_where_folders_are_only_what_is_in_them() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint replace_gives_id=true coarse_mtime=true executable=false folds_case=true
        destination: ids=None folder_revisions=Children hash=None cheap_reads=false move_gives_revision=true executable=false strict_names=true empty_folders=false
        policy: destination-to-source hash-then-mtime merge keep-both
        order: 6741432194624766933
        base folder "d"
        base folder "d/D"
        base folder "d/D/D"
        base folder "f"
        base folder "e"
        base write "d/D/x:y" 11 2
        base write "e/b" 15 2
        base write "e/caf\u{e9}" 18 1
        base write "d/D/D/d" 20 1
        base write "d/D/caf\u{e9}" 24 2
        base write "d/D/c" 26 2
        base write "d/D/D/A" 27 3
        base link "d/N.txt" 1
        base write "f/d" 29 1
        0 destination move "d" "D"
        0 destination swap "D/D/c" "e/caf\u{e9}"
        0 source link "d/x:y" 2
        0 destination swap "e/b" "D/D/caf\u{e9}"
        0 source delete "f/d"
        15 destination save "d" 33
        "#,
    );
}

/// What could not be read when it was asked for is let be until the next look, as the engine does (seed 1807440).
#[test]
fn what_is_gone_when_it_is_to_be_read_is_not_asked_for_again() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Children hash=None replace_gives_id=true coarse_mtime=true executable=false folds_case=true
        destination: ids=Strong
        policy: destination-backup hash-then-mtime merge keep-both
        base folder "e"
        base folder "a"
        base folder "e/D"
        base folder "e/D/d"
        base folder "e/D/e"
        base write "c" 13 1
        base write "e/x:y" 14 1
        base write "e/D/d/N.txt" 15 3
        base write "e/N.txt" 16 3
        base write "e/D/a" 17 1
        base write "e/D/e/d" 19 2
        base write "e/D/cafe\u{301}" 20 1
        base write "e/D/d/c" 22 2
        base write "e/D/e/A" 25 3
        base write "a/c" 26 2
        base write "e/D/d/A" 27 2
        base write "a/n.txt" 29 1
        11 destination move "a/c" "a/C"
        11 source delete "e"
        11 source swap "a" "c"
        15 source delete "c/N.txt"
        28 source unreadable "c"
        "#,
    );
}

/// A file was deleted and another made at its place, which got its id: it moves back from aside as the one that it is
/// taken for, and then gets what is there (seed 201614).
#[test]
fn what_goes_back_to_its_place_is_no_move_after_another_thing() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Hint revisions=Fingerprint folder_revisions=Children hash=Md5 replace_gives_id=true mtime=false executable=false folds_case=true
        policy: destination-to-source hash-then-mtime merge keep-both
        base folder "e"
        base folder "e/f"
        base folder "e/f/a"
        base write "e/f/a/café" 12 1
        base write "e/f/n.txt" 13 2
        0 source swap "e/f/a/café" "e/f/n.txt"
        0 destination delete "e/f/n.txt"
        0 destination save "e/f/n.txt" 23
        "#,
    );
}

/// What a backup keeps has the name that a folder has by now: the folder is there under another one (seed 1106163).
#[test]
fn a_folder_lies_beside_what_a_backup_keeps() {
    holds(
        r#"
        source: ids=Strong folder_revisions=Children hash=None folder_move=false executable=false folds_unicode=true
        destination: ids=None revisions=ContentHash mtime=false coarse_mtime=true executable=false strict_names=true
        policy: destination-backup hash-then-mtime merge keep-both
        base folder "D"
        base folder "D/f"
        base folder "D/f/g"
        base write "D/f/cafe\u{301}" 14 1
        0 destination move "D/f/g" "D/g"
        0 destination swap "D/f/cafe\u{301}" "D/g"
        0 destination write "D/f/café" 21
        0 destination delete "D/g"
        19 destination delete "D/f/café"
        "#,
    );
}

/// A backup keeps a folder of before, so a file of its name is there under another (seed 4034348).
#[test]
fn a_backup_keeps_a_folder_whose_name_a_file_has() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Hint revisions=Fingerprint folder_revisions=Children hash=Md5 folder_move=false replace_gives_id=true folds_case=true folds_unicode=true
        policy: source-backup hash-then-mtime merge keep-both
        base folder "D"
        base folder "D/f"
        base write "D/f/cafe\u{301}" 13 2
        0 source write "d" 20 1
        0 destination move "D" "d"
        10 source delete "D"
        "#,
    );
}

/// A folder that was swapped away, noted there as new, and swapped back is not what it was: the old one, empty by now, goes
/// (seed 5836746).
#[test]
fn what_became_another_item_is_not_as_ever() {
    holds(
        r#"
        source: ids=None revisions=ContentCounter folder_revisions=Children cheap_reads=false symlinks=false folds_case=true
        destination: ids=Hint revisions=Fingerprint folder_revisions=Own hash=None cheap_reads=false folder_move=false replace_gives_id=true folds_unicode=true
        base folder "d"
        base folder "a"
        base folder "d/d"
        base folder "d/d/a"
        base write "a/c" 15 1
        0 destination swap "d" "a/c"
        0 destination move "a/c/d/a" "a/c/d/A"
        0 source write "d/a" 19
        12 destination swap "a/c" "d"
        "#,
    );
}

/// What a mirror's follower has under a name of its own for the sake of a twin keeps that name when the twin is gone
/// (seeds 5957360, 6747092).
#[test]
fn a_name_given_beside_a_twin_stays_when_that_is_gone() {
    holds(
        r#"
        source: ids=Strong executable=false folds_case=true
        destination: ids=Strong
        policy: destination-to-source hash-then-mtime merge keep-both
        base folder "D"
        base folder "d/g"
        base write "d/A" 11 3
        base write "d/g/con" 15 3
        0 destination write "D/n.txt" 17
        0 destination move "D/g/con" "D/N.txt"
        0 source copy "D/A" "D/n.txt"
        13 destination move "D/N.txt" "N.txt"
        "#,
    );
}

/// Two files that are swapped and swapped back between a look and a delete are what the look saw, where neither ids
/// nor revisions tell (seeds 33462311, 39911145).
#[test]
fn what_is_swapped_and_swapped_back_is_as_it_was() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=None folder_revisions=Own hash=None coarse_mtime=true executable=false folds_case=true
        versions: false
        base folder "g"
        base folder "e"
        base folder "g/g"
        base write "g/g/A" 12 2
        base write "g/g/b" 13 1
        base write "e/café" 17 1
        base write "e/a" 19 3
        0 destination move "e/a" "e/A"
        0 source folder "g/f"
        0 source delete "g/g"
        0 destination folder "g/e"
        0 destination link "g/g/café" 1
        2 destination swap "g/g/A" "e/café"
        9 destination swap "e/café" "g/g/A"
        "#,
    );
}

/// A file of which no digest is known is not known to have been moved by a swap: it was written anew where it is
/// (seed 42317410).
#[test]
fn a_file_without_a_known_digest_is_not_told_by_its_content() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Own hash=None cheap_reads=false mtime=false coarse_mtime=true executable=false symlinks=false
        destination: ids=Strong revisions=ContentCounter hash=Sha256 cheap_reads=false coarse_mtime=true folds_case=true
        versions: false
        order: 10477161681709241941
        base folder "a"
        base folder "a/f"
        base write "café" 13 2
        base write "a/café" 15 2
        base write "a/a" 17 3
        0 source write "a/f/A" 18
        0 source swap "a/café" "a/a"
        0 source copy "café" "b"
        5 destination move "a/café" "a/A"
        "#,
    );
}

/// Of two files of one content that were swapped each is what was there before (seed 55419076).
#[test]
fn of_two_equal_files_nobody_tells_that_they_were_swapped() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Own hash=None cheap_reads=false folder_move=false move_gives_revision=true replace_gives_id=true versions=false executable=false
        destination: ids=Strong
        order: 3157267804102613801
        base folder "d"
        base folder "e"
        base folder "e/g"
        base folder "d/d"
        base link "d/d/café" 1
        base write "e/g/con" 14 1
        base write "d/x:y" 16 3
        0 source copy "d/x:y" "e/g/b"
        0 source move "d/d" "e/d"
        0 destination move "d" "e/d"
        0 destination move "e/d/d" "e/g/d"
        0 source delete "e/g/con"
        0 source swap "d/x:y" "e/g/b"
        7 destination write "e/g/b" 18
        10 destination save "e/d/x:y" 19
        "#,
    );
}

/// Nobody can see that a file still lies in its folder which was moved into one that cannot be listed (seed
/// 64946789).
#[test]
fn what_moved_with_its_folder_to_where_nobody_can_look_is_not_seen() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Strong
        policy: source-to-destination hash-then-mtime merge keep-both
        base folder "D"
        base folder "f"
        base folder "f/D"
        base write "f/D/A" 20 2
        0 destination move "f/D/A" "f/d"
        0 source swap "f" "D"
        0 source move "D/D" "f/e"
        0 source unreadable "f"
        "#,
    );
}

/// What a chosen comparison takes for equal to what is kept among the versions is kept (seed 65327646).
#[test]
fn what_is_taken_for_equal_is_kept_as_that() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint hash=Md5 coarse_mtime=true executable=false symlinks=false
        destination: ids=Strong
        policy: two-way size-only merge destination-wins
        order: 14849366285495014523
        base folder "e"
        base folder "e/a"
        0 source delete "e"
        0 source write "c" 18
        0 destination write "e/a/b" 19
        0 destination write "e/d" 20 3
        6 source write "e/d" 22
        12 source move "e/d" "e/a/b"
        12 destination save "e/a/b" 24
        "#,
    );
}
