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
fn what_is_new_waits_for_its_place_in_the_base() {
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
