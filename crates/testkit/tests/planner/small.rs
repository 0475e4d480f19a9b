//! Cases of small trees that once failed, where what a few people do meets at once.

use super::regressions::holds;

/// A file was moved over the one of the same content that Tandem was about to delete: each was taken for deleted by the
/// other side's, and the content went from both (seed 1764959).
#[test]
fn content_that_crossed_is_on_both_sides() {
    let has = holds(
        r#"
        source: ids=None folder_revisions=Children hash=Sha256 folder_move=false executable=false folds_case=true
        destination: ids=Hint revisions=Fingerprint folder_revisions=Children cheap_reads=false folder_move=false replace_gives_id=true coarse_mtime=true executable=false symlinks=false folds_unicode=true strict_names=true
        versions: false
        base folder "a"
        base folder "a/D"
        base write "café" 11 1
        base write "a/D/cafe\u{301}" 17 1
        0 destination folder "a/e"
        0 destination move "café" "d"
        0 source move "a/D/cafe\u{301}" "a/D/n.txt"
        7 source move "d" "café"
        "#,
    );
    assert!(has.contains("\"café\"=11"), "{has}");
}

/// The same after a rename that changes case alone (seed 893994).
#[test]
fn content_that_crossed_by_case_is_on_both_sides() {
    let has = holds(
        r#"
        source: ids=None folder_revisions=Own cheap_reads=false folder_move=false move_gives_revision=true versions=false strict_names=true
        destination: ids=None folder_revisions=Own hash=Md5 cheap_reads=false folder_move=false mtime=false symlinks=false
        versions: false
        order: 12037745788761701505
        base folder "g"
        base folder "g/g"
        base folder "g/g/e"
        base folder "a"
        base folder "f"
        base folder "f/g"
        base folder "g/D"
        base write "f/g/n.txt" 11 2
        base write "g/g/e/d" 15 3
        base write "g/g/b" 16 2
        base write "N.txt" 24 2
        base write "f/g/a" 29 3
        base write "g/g/A" 30 2
        0 source move "N.txt" "N.TXT"
        0 destination move "g/g" "g/G"
        0 destination delete "f/g"
        0 destination delete "a"
        0 destination write "f/a" 32
        0 destination write "g/D/cafe\u{301}" 33
        2 source move "g/D" "a/D"
        27 destination move "N.TXT" "N.txt"
        "#,
    );
    assert!(has.contains("=24"), "{has}");
}

/// A folder was made in each round for one below it whose name the other side cannot hold (seed 13636).
#[test]
fn a_folder_is_not_made_for_a_folder_that_is_left_out() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=None revisions=ContentCounter folder_revisions=Children hash=Sha256 cheap_reads=false folder_move=false executable=false strict_names=true empty_folders=false
        base folder "g"
        base folder "g/f"
        base folder "g/f/f"
        base folder "d"
        base write "g/f/f/n.txt" 11 1
        base write "c" 12 3
        0 source move "c" "d/con"
        0 source swap "g/f/f" "d/con"
        "#,
    );
}

/// The same where the folder came to be called so by a swap (seed 1074949).
#[test]
fn a_folder_is_not_made_for_what_was_moved_to_a_name_that_is_left_out() {
    holds(
        r#"
        source: ids=Strong folder_revisions=Own cheap_reads=false coarse_mtime=true symlinks=false strict_names=true empty_folders=false
        destination: ids=Strong
        base write "f/d" 13 3
        base write "e/c" 14 2
        0 destination move "f/d" "f/con"
        0 destination swap "e" "f/con"
        "#,
    );
}

/// A folder went aside and the other side counted as having moved it: what was noted below it where it had been made a
/// second item of each file in it (seed 150096).
#[test]
fn what_lies_in_a_folder_that_went_aside_is_one_item() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Strong
        policy: source-to-destination hash-then-mtime merge keep-both
        base folder "f"
        base folder "f/D"
        base write "b" 13 3
        base write "f/x:y" 17 3
        0 destination swap "f" "b"
        0 source swap "f/D" "f/x:y"
        0 source write "f/D" 19
        0 source move "f/x:y" "f/X:Y"
        0 source move "f/D" "f/X:Y/café"
        "#,
    );
}

/// A file takes the name of the folder that it lies in, where folders go with the last thing in them (seed 740350).
#[test]
fn a_file_takes_the_name_of_its_folder() {
    let has = holds(
        r#"
        source: ids=Strong folder_revisions=Own mtime=false coarse_mtime=true executable=false empty_folders=false
        destination: ids=Strong hash=Md5 cheap_reads=false move_gives_revision=true executable=false empty_folders=false
        base write "d/f/café" 13 3
        base write "e/A" 15 1
        base write "d/d" 16 1
        0 source move "d/d" "x:y"
        0 destination move "e/A" "d/f/café"
        0 source swap "d/f/café" "e"
        0 source swap "e" "d/f"
        0 source swap "e" "x:y"
        "#,
    );
    assert!(has.contains("\"x:y/café\"=15"), "{has}");
}

/// What went aside in a folder that had become known in the same plan was noted in the folder of before, and a delete of it
/// was planned for ever at a place where nothing is (seed 1822777).
#[test]
fn what_goes_aside_in_a_folder_is_noted_in_that() {
    holds(
        r#"
        source: ids=None folder_revisions=Own versions=false executable=false strict_names=true
        destination: ids=Strong revisions=ContentHash folder_revisions=Children hash=Sha256 cheap_reads=false versions=false folds_case=true
        policy: source-to-destination hash-then-mtime merge keep-both
        base folder "D"
        base folder "f"
        base folder "f/e"
        base folder "f/e/a"
        base write "f/e/a/a" 13 3
        base write "f/e/café" 15 1
        20 destination move "f/e/a" "D/e"
        20 source move "f/e" "D/e"
        20 source unreadable "f"
        26 destination write "D/e/a" 33
        "#,
    );
}

/// A filter begins to leave out a file in a folder that moves, and a mirror's follower has moved that file: it is not
/// gone, and no delete of it is planned (seed 451391 before trees were drawn smaller).
#[test]
fn what_is_left_out_in_a_folder_that_moves_is_not_gone() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Strong
        policy: source-to-destination hash-then-mtime merge keep-both
        base folder "a"
        base folder "g"
        base folder "g/D"
        base write "g/D/b" 18 1
        base write "a/c" 27 3
        0 destination move "g/D/b" "g/a"
        0 source swap "g" "a/c"
        0 source filter "b"
        "#,
    );
}

/// What stands aside wants its name back, which a filter leaves out by now and something has: it waits (seed 1565441).
#[test]
fn what_wants_a_name_back_that_is_left_out_waits() {
    holds(
        r#"
        source: ids=None revisions=ContentCounter folder_revisions=Children mtime=false coarse_mtime=true empty_folders=false
        destination: ids=Strong folder_revisions=Children hash=Md5 cheap_reads=false executable=false folds_case=true
        base write "g/a/e/café" 11 1
        base write "a/g/c" 13 3
        base write "D/n.txt" 14 1
        base write "a/cafe\u{301}" 15 2
        base write "a/g/n.txt" 19 2
        base write "g/a/e/b" 20 1
        base write "g/a/e/x:y" 24 2
        0 source delete "g/a"
        0 source swap "D/n.txt" "a"
        4 source write "g" 27
        30 source filter "a"
        "#,
    );
}
