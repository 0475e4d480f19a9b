//! Cases that once failed, made small: where the base has what, names for a while, folders that come back.

use super::regressions::holds;

/// Nothing was known of a folder that had moved, but what had been seen in it before was taken for something new: it
/// got a second item in the base, and was then deleted on both sides as one that the other side had deleted (seed
/// 959820).
#[test]
fn what_was_seen_in_a_folder_that_cannot_be_read_now_waits() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Own replace_gives_id=true executable=false symlinks=false
        destination: ids=Strong revisions=ContentHash folder_revisions=Children hash=Md5 cheap_reads=false executable=false symlinks=false strict_names=true
        versions: false
        order: 14481083465118931103
        base folder "g"
        base folder "e"
        base folder "f"
        base write "g/cafe\u{301}" 18 1
        base write "f/n.txt" 23 1
        base write "g/c" 26 1
        0 source move "g/c" "g/n.txt"
        0 source folder "f/g"
        16 destination move "g" "e/g"
        16 source move "f/g" "g/g"
        17 source move "g" "e/g"
        20 destination unreadable "e/g"
        "#,
    );
}

/// A folder that one side had moved and the other deleted was made again; what was in it followed only by the next plan,
/// which took it for deleted there (seed 612973).
#[test]
fn what_is_in_a_folder_that_comes_back_comes_back_with_it() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint hash=Sha256 move_gives_revision=true replace_gives_id=true mtime=false executable=false
        destination: ids=Strong
        base folder "e"
        base folder "d"
        base folder "d/e"
        base folder "d/e/a"
        base folder "f"
        base folder "f/d"
        0 source save "d/e/a/d" 32
        0 destination move "d/e" "e/e"
        0 destination write "d/d" 33
        0 source swap "d" "f/d"
        0 destination move "e/e" "f/d/e"
        "#,
    );
}

/// A new folder took the place that the base still had for one which both sides have elsewhere: that was dropped with all
/// in it, and asked for without end (seed 401774).
#[test]
fn what_is_new_takes_its_place_in_the_base() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Hint revisions=Fingerprint folder_revisions=Children hash=None folder_move=false move_gives_revision=true replace_gives_id=true mtime=false folds_case=true
        base folder "d"
        base folder "d/g"
        base folder "d/a"
        base folder "d/g/D"
        base folder "a"
        base write "d/g/D/A" 11 2
        base write "a/d" 17 2
        base write "d/g/caf\u{e9}" 18 2
        base write "d/n.txt" 22 1
        0 source move "a" "d/a/f"
        0 source swap "d/g/caf\u{e9}" "d/n.txt"
        0 destination swap "d/g" "d/a"
        "#,
    );
}

/// The same of two folders each of which takes the other's place in the base (seed 728957).
#[test]
fn two_that_take_each_others_place_in_the_base_are_both_kept() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint hash=None folder_move=false move_gives_revision=true mtime=false executable=false
        destination: ids=Strong
        base folder "e"
        base folder "e/e"
        base folder "e/a"
        base folder "e/D"
        base folder "e/D/g"
        base write "e/D/g/N.txt" 22 2
        0 source move "e/a" "e/D/a"
        0 destination swap "e/e" "e/a"
        0 destination move "e/D/g" "e/e/g"
        "#,
    );
}

/// The name for a while was that of something in step, of which the planner was not told (seed 494568).
#[test]
fn one_of_a_circle_whose_name_for_a_while_is_free_goes_aside() {
    holds(
        r#"
        source: ids=Strong revisions=ContentCounter folder_revisions=Children hash=None cheap_reads=false coarse_mtime=true empty_folders=false
        destination: ids=Strong
        base folder "g/D/D"
        base write "f/A" 12 2
        base write "g/D/c" 19 2
        0 destination swap "f/A" "g/D"
        0 source write "g/D (swap 2)/caf\u{e9}/late" 34
        "#,
    );
}

/// An empty folder that had gone aside kept its name for a while, and kept its own from others (seed 1240425).
#[test]
fn an_empty_folder_that_went_aside_gives_way() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=None folder_revisions=Own folder_move=false executable=false empty_folders=false
        base folder "f"
        base folder "f/g"
        base folder "f/g/D"
        base write "b" 12 1
        base write "f/g/D/c" 23 1
        base write "f/g/D/a" 27 2
        0 destination swap "f/g/D" "b"
        13 destination delete "f"
        19 source write "f/g/D" 32
        "#,
    );
}

/// Texts were merged by id after a person had moved one: the base took the new name for the side's spelling (seed
/// 636311).
#[test]
fn a_merge_of_what_was_moved_does_not_hide_the_move() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Hint revisions=Fingerprint folder_revisions=Children hash=None cheap_reads=false move_gives_revision=true replace_gives_id=true executable=false
        policy: two-way hash-then-mtime merge merge
        order: 10530355673814170871
        base folder "e"
        base folder "e/f"
        base folder "e/d"
        base folder "e/d/D"
        base folder "e/g"
        base write "A" 3 2
        base write "e/g/con" 1 1
        base write "d" 23 2
        base write "e/d/caf\u{e9}" 24 2
        base write "e/d/D/A" 25 2
        0 destination swap "e/f" "e/d/caf\u{e9}"
        0 source move "e/d" "e/f/d"
        0 source save "d" 32
        0 destination write "d" 33
        10 source move "d" "e/f/A"
        "#,
    );
}

/// A folder had moved to the place that the base still had for a file, and the file into the folder: each waited for the
/// other to be noted (seed 39943).
#[test]
fn what_moves_into_a_folder_that_takes_its_place_in_the_base_is_noted() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Strong
        base folder "a"
        base folder "a/f"
        base write "caf\u{e9}" 16 3
        base write "a/f/a" 17 2
        0 destination swap "a/f/a" "caf\u{e9}"
        0 source swap "a/f" "caf\u{e9}"
        "#,
    );
}

/// A folder that had gone aside, and that a person put back, was not deleted with what was in it (seed 285965).
#[test]
fn a_folder_that_was_put_back_after_it_went_aside_gives_way() {
    holds(
        r#"
        source: ids=None revisions=ContentCounter folder_revisions=Children cheap_reads=false executable=false empty_folders=false
        destination: ids=Strong
        base write "e/a/cafe\u{301}" 11 2
        base write "e/a/e/a" 12 2
        base write "a/c" 13 1
        base write "a/N.txt" 16 3
        0 source swap "e/a/e/a" "a"
        3 destination move "a (swap 6)" "a"
        "#,
    );
}

/// An empty folder kept the name of another one, which a store without folders does show (seed 188454).
#[test]
fn an_empty_folder_gives_way_to_a_folder() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Strong hash=None cheap_reads=false versions=false mtime=false executable=false strict_names=true empty_folders=false
        order: 4848861097626187577
        base folder "d"
        base folder "d/g"
        base folder "d/g/d"
        base folder "d/D"
        base write "d/A" 15 2
        base write "d/g/d/c" 27 3
        0 source delete "d/g/d"
        0 source swap "d/D" "d/g"
        0 source write "b" 3
        0 destination write "d/D/b" 28
        2 destination move "d" "f"
        "#,
    );
}

/// The name for a while of a folder that was to go was taken, and what was in it waited for its name in a circle (seed
/// 494568).
#[test]
fn what_is_in_a_dead_folder_that_cannot_go_aside_is_let_pass() {
    holds(
        r#"
        source: ids=Strong revisions=ContentCounter folder_revisions=Children hash=None cheap_reads=false coarse_mtime=true empty_folders=false
        destination: ids=Hint revisions=Fingerprint folder_revisions=Children hash=None versions=false folds_case=true
        base folder "g/D/D"
        base write "f/A" 12 2
        base write "g/D/D/caf\u{e9}" 21 2
        0 destination swap "f/A" "g/D"
        0 source write "g/D (swap 2)/N.txt/late" 35
        "#,
    );
}

/// A folder was forgotten while the base had another one in it that lived: what was in that lay nowhere (seed 1560106).
#[test]
fn a_folder_is_not_forgotten_with_what_lives() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Own hash=None cheap_reads=false move_gives_revision=true replace_gives_id=true executable=false
        destination: ids=Strong folder_revisions=Own hash=Sha256 folder_move=false move_gives_revision=true executable=false strict_names=true
        policy: source-backup hash-then-mtime merge keep-both
        base folder "f"
        base folder "f/a"
        base folder "g"
        base folder "f/a/a"
        base write "f/a/a/d" 13 1
        base write "g/N.txt" 15 2
        0 source swap "g" "f/a/a/d"
        0 destination swap "g/N.txt" "f"
        "#,
    );
}

/// A folder that a backup keeps had the name that something else was to have before what lived in it could go.
#[test]
fn a_folder_that_is_not_forgotten_yet_makes_room() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=None hash=None move_gives_revision=true executable=false folds_case=true folds_unicode=true small_files=true
        policy: destination-backup hash-then-mtime merge keep-both
        base folder "a"
        base folder "d"
        base write "d/d" 13 3
        base write "a/d" 28 1
        0 destination swap "d/d" "a"
        "#,
    );
}

/// A dead folder, in which the base still had something that both sides had elsewhere, kept the name of what that waited for
/// (seed 325256).
#[test]
fn a_dead_folder_that_the_base_needs_goes_aside() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Children cheap_reads=false folds_case=true
        destination: ids=Strong
        base folder "e"
        base folder "a"
        base folder "e/e"
        base folder "a/d"
        base write "a/d/d" 19 2
        base write "e/e/con" 22 2
        0 destination folder "e/D"
        0 source swap "e/e" "a/d"
        0 destination move "e/D" "a/d/a"
        0 source write "a/d/n.txt" 27
        0 destination move "e/e/con" "a/d/x:y"
        "#,
    );
}

/// What had been seen in a folder was asked for when another had its place in the base, and the folder was gone (seed
/// 1031512).
#[test]
fn what_was_seen_in_a_folder_that_made_room_is_forgotten() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Children hash=Md5 move_gives_revision=true mtime=false folds_case=true strict_names=true
        destination: ids=Strong
        base folder "f"
        base folder "f/D"
        base folder "D"
        base folder "f/D/d"
        base write "f/a" 17 3
        base write "D/b" 20 2
        base write "f/D/d/n.txt" 22 3
        0 source move "D" "f/D/d/D"
        0 destination swap "f/a" "f/D"
        2 source delete "f/D"
        "#,
    );
}

/// What moved within a folder that both sides had anew was recorded before that folder was, and lay nowhere when the plan
/// was cut off in between (seed 1281794).
#[test]
fn a_folder_is_noted_before_what_is_done_in_it() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint cheap_reads=false move_gives_revision=true symlinks=false folds_case=true
        destination: ids=None revisions=ContentHash folder_revisions=Children hash=None mtime=false executable=false symlinks=false
        order: 13418466427848687729
        base folder "D"
        base folder "g"
        base folder "D/e"
        base folder "g/D"
        base folder "D/D"
        base write "D/e/n.txt" 15 2
        base write "D/c" 20 2
        base write "D/D/caf\u{e9}" 23 2
        base write "D/e/con" 24 2
        base write "D/D/x:y" 26 2
        0 source delete "D/D/x:y"
        0 source move "D" "d"
        0 destination move "D" "d"
        0 source write "g/D/CAF\u{e9}" 33
        0 destination save "d/D/caf\u{e9}" 34
        "#,
    );
}

/// A file in a folder that moved was deleted though nobody had: something new beside it, which differed only in case and
/// was still being written, left it no place, and so it counted as moved away (engine seed 4237).
#[test]
fn what_has_no_place_in_a_folder_that_moved_has_not_left_it() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint
        destination: ids=Strong folds_case=true
        base folder "sub"
        base folder "e"
        base write "sub/N.txt" 27 1
        base write "sub/A" 113 2
        0 source write "sub/n.txt" 136
        0 destination move "sub" "e/sub"
        0 source unreadable "sub/n.txt"
        "#,
    );
}

/// Of two files whose names differ in case on a backup's leading side one has another name on the follower. When a person
/// swapped that with another file there, it got one name after the other, was not in step any more, and what was written to
/// it on the leading side was not carried (engine seed 92353).
#[test]
fn what_has_a_name_of_its_own_on_a_follower_keeps_it_through_a_swap() {
    let last = holds(
        r#"
        source: ids=Strong folds_case=true mtime=false
        destination: ids=Hint revisions=Fingerprint
        policy: destination-backup hash-then-mtime merge source-wins
        base folder "e"
        base write "e/A" 12 1
        0 source write "a" 13 1
        0 destination write "A" 14 1
        10 destination write "a" 16 1
        30 source swap "e/A" "a (conflict 2023-11-02 082640 device-0000)"
        60 destination write "a" 18 1
        "#,
    );
    assert!(
        last.contains(r#""a (conflict 2023-11-02 082640 device-0000)"=18"#),
        "{last}"
    );
}

/// A file that went aside in a folder which was noted by the same plan was noted where that folder had been, and what
/// was written beside it stayed there (seed 16994128; 15706547).
#[test]
fn what_goes_aside_in_a_folder_that_is_noted_just_then_is_known_there() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=None revisions=ContentHash hash=Md5 coarse_mtime=true executable=false symlinks=false folds_unicode=true
        base folder "d"
        base folder "d/a"
        base folder "d/g"
        base folder "d/g/g"
        base write "d/g/g/a" 28 2
        base write "d/g/g/c" 29 3
        0 destination move "d/g/g" "d/a/D"
        0 source move "d/g/g" "d/a/D"
        0 destination swap "d/a/D/a" "d/a/D/c"
        4 source write "d/a/D/a" 36
        "#,
    );
}

/// A folder that somebody put where Tandem had just moved a file was noted under that file's id (seed 9474973).
#[test]
fn a_folder_that_takes_the_place_of_a_file_is_not_that_file() {
    holds(
        r#"
        source: ids=None revisions=ContentHash folder_revisions=Own hash=Md5 cheap_reads=false folder_move=false symlinks=false
        destination: ids=Strong revisions=ContentCounter folder_revisions=Children hash=None cheap_reads=false folder_move=false mtime=false coarse_mtime=true folds_case=true folds_unicode=true
        order: 4312565118025532883
        base folder "f"
        base folder "d"
        base folder "f/a"
        base folder "f/D"
        base write "d/d" 11 2
        base write "d/N.txt" 12 2
        base write "d/c" 13 2
        base write "f/D/d" 14 1
        base write "f/a/d" 16 3
        base write "f/n.txt" 17 1
        base write "f/a/cafe\u{301}" 19 1
        base write "cafe\u{301}" 20 2
        base write "d/cafe\u{301}" 23 1
        base write "f/D/b" 24 1
        base write "c" 25 2
        base write "f/D/N.txt" 3 3
        base write "f/a/cafe\u{301}" 29 2
        0 source save "d/d" 30
        0 source write "f/n.txt" 31
        0 source delete "f/D"
        0 source flip "c"
        0 destination swap "d/café" "c"
        0 destination write "f/D/b" 32
        0 source save "cafe\u{301}" 33
        14 source swap "c (swap f)" "f"
        "#,
    );
}

/// Of two folders, each moved into one that came with the other, and each with a new one under its old name, none was
/// ever moved (seed 26590625).
#[test]
fn folders_that_wait_for_one_another_across_the_sides_are_moved() {
    holds(
        r#"
        source: ids=Strong revisions=ContentCounter folder_revisions=Children hash=None folds_case=true
        destination: ids=Strong
        base folder "a"
        base folder "g"
        base folder "e"
        0 source folder "g/g"
        0 source write "e/x:y" 1
        0 destination folder "e/d"
        0 source write "a/c" 2 1
        5 source move "e" "g/g/d"
        6 destination move "g" "e/d/D"
        "#,
    );
}

/// A folder that is to go into one which lies in it, beside a file that is to go where the first is, kept all of them
/// where they were, and what belongs in there was made in each round (seed 59220884).
#[test]
fn what_is_to_go_into_what_lies_in_it_waits_for_that() {
    holds(
        r#"
        source: ids=None revisions=ContentHash folder_revisions=Children hash=Sha256 cheap_reads=false executable=false symlinks=false empty_folders=false
        destination: ids=Strong
        policy: source-to-destination hash-then-mtime merge keep-both
        base write "d/a/e/d" 21 2
        base write "d/a/a/A" 25 1
        0 destination move "d/a/a" "e"
        0 destination swap "e/A" "d"
        0 destination delete "e/A/a"
        "#,
    );
}

/// Where a file takes the name of a folder that goes, and in which the folder lies that the file was in, both waited
/// for each other (seed 89898672).
#[test]
fn a_folder_that_goes_makes_room_for_what_the_base_has_in_one_below_it() {
    holds(
        r#"
        source: ids=Strong revisions=ContentCounter folder_revisions=Own hash=Md5 coarse_mtime=true folds_case=true folds_unicode=true strict_names=true
        destination: ids=Strong
        policy: source-to-destination hash-then-mtime merge keep-both
        base folder "a"
        base folder "a/D"
        base folder "D"
        base write "a/D/c" 16 3
        0 source delete "D"
        0 source move "a/D/c" "d"
        0 source delete "a/D"
        0 source move "d" "D"
        0 destination move "a/D" "D/f"
        0 destination move "D/f/c" "a/c"
        "#,
    );
}

/// Of two items that the base had under one name on a side, one was gone there and the other had just been made; what
/// was made counted as neither (seed 99492513).
#[test]
fn a_name_on_a_side_is_of_what_was_made_there_last() {
    holds(
        r#"
        source: ids=Strong hash=Md5 cheap_reads=false coarse_mtime=true executable=false empty_folders=false
        destination: ids=None revisions=ContentHash hash=Md5 cheap_reads=false coarse_mtime=true executable=false folds_case=true
        order: 15139389492391178383
        base write "e/d/b" 12 1
        base write "e/e/c" 13 2
        0 destination move "e/e/c" "N.txt"
        0 destination folder "e/d/d"
        0 source delete "e/e/c"
        0 source save "a/con" 15
        0 source write "e/d/d" 16
        12 destination swap "a/con" "e"
        12 destination write "d" 18
        12 destination write "a/con/A" 19
        15 source move "e" "e (swap 1)/d/x:y"
        30 destination delete "e"
        "#,
    );
}
