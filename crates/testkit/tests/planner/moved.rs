//! Cases that once failed, made small: what people move while a plan is carried out, and what tells where something went.

use super::regressions::holds;

/// A delete found by its id what a person had moved since over another file of the same content, and deleted it there;
/// that delete then went to the other side (seeds 1345099 and 1906472).
#[test]
fn what_is_moved_before_its_delete_is_not_deleted_where_it_went() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Own hash=None replace_gives_id=true mtime=false
        destination: ids=Strong
        versions: false
        base folder "D"
        base folder "g"
        base folder "D/e"
        base folder "g/f"
        base folder "D/g"
        base folder "g/e"
        base write "D/e/N.txt" 16 1
        base write "g/e/N.txt" 18 2
        base write "D/e/b" 22 3
        base write "D/e/N.txt" 1 1
        0 source move "D/e/N.txt" "cafe\u{301}"
        0 destination write "a" 32 3
        0 source move "D/e" "D/g/e"
        0 source write "g/f/N.txt" 33 2
        0 source move "g/e/N.txt" "D/c"
        0 destination write "D/caf\u{e9}" 34
        0 destination write "b" 35
        11 destination move "D/e/N.txt" "cafe\u{301}"
        "#,
    );
}

/// Of a folder that is empty and moves, only an id tells, which had been given again: the folder of that name was taken
/// for deleted (seed 1793410).
#[test]
fn an_empty_folder_in_its_place_is_no_other_that_moved_there() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Own cheap_reads=false replace_gives_id=true coarse_mtime=true symlinks=false folds_case=true
        destination: ids=None revisions=ContentHash cheap_reads=false executable=false symlinks=false folds_unicode=true
        base folder "f"
        base folder "f/f"
        base folder "f/e"
        base folder "f/g"
        0 destination move "f" "d"
        0 destination folder "d/D"
        4 source move "d" "e"
        6 source delete "d"
        "#,
    );
}

/// What had moved into a folder that could not be looked into had that folder made on the other side, where another was
/// (seed 1994283).
#[test]
fn what_moves_into_a_folder_that_cannot_be_read_waits() {
    holds(
        r#"
        source: ids=Strong folder_revisions=Children hash=Md5 move_gives_revision=true mtime=false folds_case=true
        destination: ids=None hash=None move_gives_revision=true coarse_mtime=true symlinks=false folds_case=true
        order: 13198265994208864731
        base folder "e"
        base folder "d"
        base folder "d/a"
        base folder "a"
        base folder "e/g"
        base write "d/a/n.txt" 12 3
        base write "d/a/a" 27 1
        base write "e/c" 28 3
        base write "x:y" 29 1
        0 destination swap "d" "x:y"
        0 destination move "e" "x:y/a/e"
        0 source swap "x:y" "a"
        0 source save "d/caf\u{e9}" 2
        0 source unreadable "x:y"
        "#,
    );
}
