//! Cases on stores that have no folders of their own, but names with slashes.

use super::regressions::holds;

/// On a store without empty folders, a folder with something in it that is not carried was not moved to a place of
/// which that store shows nothing, and what wanted its name waited for ever (seed 8656041; 10381717, 16743292).
#[test]
fn a_folder_with_something_that_is_not_carried_moves_to_where_nothing_is_shown() {
    holds(
        r#"
        source: ids=Strong folder_revisions=Children hash=Sha256 mtime=false executable=false symlinks=false strict_names=true empty_folders=false
        destination: ids=Strong
        base write "g/a" 11 1
        base write "a/café" 12 3
        base write "D/g/c" 13 2
        0 source opaque "D/g/café"
        0 destination move "D/g/c" "café"
        0 destination swap "D/g" "a/café"
        0 source move "g/a" "g/A"
        0 destination swap "D/g" "g"
        "#,
    );
}

/// The same for what a backup keeps (seed 25282104; 10928079).
#[test]
fn a_folder_with_what_a_backup_keeps_moves_to_where_nothing_is_shown() {
    holds(
        r#"
        source: ids=None folder_revisions=Own hash=Sha256 folder_move=false move_gives_revision=true executable=false symlinks=false empty_folders=false
        destination: ids=Strong
        policy: destination-backup hash-then-mtime merge keep-both
        base write "g/e/D/a" 11 1
        base write "d/c" 16 3
        0 destination delete "d/c"
        0 destination swap "g/e/D/a" "d"
        0 source delete "g/e/D"
        "#,
    );
}

/// The same for what a filter hides (seed 23037448).
#[test]
fn a_folder_with_what_a_filter_hides_moves_to_where_nothing_is_shown() {
    holds(
        r#"
        source: ids=None hash=Md5 cheap_reads=false versions=false mtime=false coarse_mtime=true symlinks=false empty_folders=false
        destination: ids=Hint revisions=Fingerprint folder_revisions=Children hash=None folder_move=false replace_gives_id=true executable=false folds_case=true folds_unicode=true
        base write "x:y" 11 3
        base write "g/a/N.txt" 12 3
        base write "a/b" 14 1
        0 destination swap "a/b" "x:y"
        0 destination swap "a" "x:y"
        0 destination swap "x:y" "g/a/N.txt"
        0 source filter "b"
        "#,
    );
}

/// A folder that holds nothing that stays, and is to go to a place which its store does not show, kept its name from
/// a new one (seed 25995980).
#[test]
fn a_folder_without_a_place_makes_room() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=None folder_revisions=Children hash=None coarse_mtime=true executable=false empty_folders=false
        order: 3468015012252381827
        base folder "a"
        base folder "a/g"
        base write "a/A" 18 3
        base write "a/g/c" 22 1
        0 destination write "D/e/con" 30
        0 destination move "a/g" "D/e/g"
        4 source move "D" "a/g/a"
        "#,
    );
}

/// What was made in a folder that the other side had moved, while it had a name for a while, was taken for gone
/// there, and its delete refused in each round (seed 10106680; 12740738).
#[test]
fn what_is_made_in_a_folder_under_a_name_for_a_while_is_known_there() {
    holds(
        r#"
        source: ids=None folder_revisions=Own move_gives_revision=true executable=false strict_names=true empty_folders=false
        destination: ids=Strong
        base write "d/a/cafe\u{301}" 11 2
        base write "d/café" 14 3
        base write "f/n.txt" 15 2
        0 destination delete "d/café"
        0 destination swap "f/n.txt" "d"
        0 source swap "d/a" "d/café"
        0 source filter "a"
        "#,
    );
}

/// A folder that stays for what is left out in it, where the side had another one of that name before, kept the
/// delete of that one from being made, again and again (seed 97447375).
#[test]
fn two_folders_of_one_name_that_stay_for_what_is_left_out_are_one() {
    holds(
        r#"
        source: ids=Strong revisions=ContentCounter folder_revisions=Children hash=Md5 cheap_reads=false executable=false folds_unicode=true
        destination: ids=None revisions=ContentHash folder_revisions=Children hash=None versions=false mtime=false empty_folders=false
        order: 3263864581912406643
        base folder "d"
        base folder "d/f"
        base write "d/f/a" 15 2
        base write "d/a" 16 1
        base write "d/d" 19 1
        base write "d/c" 33 2
        0 destination move "d" "e/D"
        0 source delete "d/f"
        1 source filter "c"
        20 source delete "e"
        30 source move "d" "e"
        "#,
    );
}
