//! Cases in which a file is moved over another one of the same content, which is to go: then the content is in one place less
//! than anybody sees.

use super::regressions::holds;

/// A file that was carried under its new name was moved back over the old one just before Tandem deleted that, on a
/// side whose revisions are contents: it went from both (seed 12299978).
#[test]
fn what_came_under_its_new_name_may_go_back_over_the_old_one() {
    holds(
        r#"
        source: ids=None revisions=ContentHash hash=Md5 executable=false strict_names=true
        destination: ids=Hint revisions=Fingerprint move_gives_revision=true replace_gives_id=true mtime=false strict_names=true
        versions: false
        base folder "e"
        base folder "e/D"
        base folder "g"
        base folder "e/D/f"
        base folder "e/D/a"
        base write "e/D/f/b" 13 2
        base write "e/D/a/d" 19 2
        base write "e/D/f/d" 27 2
        0 destination move "e/D/a/d" "e/D/a/D"
        0 source move "e/D/f" "g/d"
        6 source move "e/D/a/D" "e/D/a/d"
        "#,
    );
}

/// The same where only the case was another (seed 15652600).
#[test]
fn what_was_renamed_by_case_may_be_renamed_back_before_the_old_one_goes() {
    holds(
        r#"
        source: ids=None revisions=ContentHash hash=Sha256 cheap_reads=false folder_move=false mtime=false executable=false strict_names=true empty_folders=false
        destination: ids=None revisions=ContentHash folder_revisions=Children hash=None cheap_reads=false executable=false strict_names=true
        versions: false
        base write "D/A" 18 2
        0 destination move "D/A" "D/a"
        4 source move "D/a" "D/A"
        "#,
    );
}

/// A conflict copy that nobody had carried yet was moved back over the file it was made of, which the other side's
/// then replaced (seed 14789642).
#[test]
fn a_conflict_copy_may_go_back_over_what_it_was_made_of() {
    holds(
        r#"
        source: ids=Strong revisions=ContentHash folder_revisions=Own hash=Md5 folder_move=false symlinks=false
        destination: ids=None revisions=ContentHash folder_revisions=Children folder_move=false coarse_mtime=true executable=false
        policy: two-way hash-then-mtime merge merge
        versions: false
        order: 3794460652854999297
        base folder "e"
        base folder "d"
        base folder "e/g"
        base folder "f"
        base folder "e/g/d"
        base folder "f/f"
        base write "e/café" 11 3
        base write "f/n.txt" 12 1
        base write "a" 13 1
        base write "f/c" 14 3
        base write "f/f/a" 15 3
        base write "e/g/d/N.txt" 3 3
        base write "e/g/a" 17 1
        base write "N.txt" 18 1
        base write "e/con" 19 2
        base write "f/A" 20 1
        base write "e/g/d/d" 21 2
        base write "f/n.txt" 22 2
        base write "f/f/N.txt" 23 3
        base write "e/con" 24 1
        base write "d/A" 25 1
        base write "e/g/cafe\u{301}" 26 1
        base write "d/con" 28 1
        base write "e/N.txt" 29 1
        base write "f/f/a" 30 3
        base write "N.txt" 31 2
        base write "f/f/N.txt" 2 1
        base write "f/A" 33 3
        0 destination write "f/f/N.txt" 34
        0 source write "f/f/N.txt" 36
        0 source swap "e/café" "f/f/N.txt"
        0 source move "e/g" "f/g"
        22 destination move "f/f" "f/g/f"
        28 source move "e/café (conflict 2023-11-14 221341 device-0000)" "e/café"
        "#,
    );
}

/// A file was moved over another one of its content, and then got what the other side had written to it: the content was
/// nowhere (seed 19574863).
#[test]
fn what_was_carried_over_a_file_and_moved_over_it_stays() {
    holds(
        r#"
        source: ids=None revisions=ContentHash hash=Sha256 cheap_reads=false versions=false coarse_mtime=true executable=false symlinks=false empty_folders=false
        destination: ids=Strong
        versions: false
        order: 1259083477463145281
        base write "g/f/n.txt" 13 3
        base write "a/d" 16 2
        base write "g/f/con" 17 3
        base write "g/D/x:y" 18 2
        base write "g/f/c" 19 1
        base write "g/f/x:y" 20 2
        base write "g/f/d/x:y" 22 3
        base write "g/x:y" 23 2
        base write "g/A" 24 2
        base write "g/d" 25 2
        base write "a/c" 30 1
        base write "g/f/d/n.txt" 31 2
        4 source swap "g" "a"
        19 destination move "a/d" "g/d"
        "#,
    );
}

/// A file was moved out of a folder over one that was to be deleted, and that folder could not be read then: the file
/// went from both sides once it could (seed 20589191).
#[test]
fn what_may_have_left_a_folder_that_cannot_be_read_stays() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Children hash=None cheap_reads=false folder_move=false move_gives_revision=true mtime=false executable=false folds_case=true
        destination: ids=None hash=Md5 move_gives_revision=true versions=false mtime=false coarse_mtime=true strict_names=true
        versions: false
        base folder "D"
        base folder "D/D"
        base folder "D/D/a"
        base folder "e"
        base write "D/D/a/con" 12 1
        base write "e/d" 16 1
        base write "e/n.txt" 17 1
        0 source write "x:y" 18
        0 source move "e/d" "e/A"
        0 destination folder "e/e"
        0 source move "e/n.txt" "D/D/c"
        9 destination move "D/D/c" "e/n.txt"
        11 destination unreadable "D"
        "#,
    );
}

/// A file was moved over another one of its content just before that was replaced by what the other side had written,
/// and was deleted there (seed 21770510).
#[test]
fn what_may_have_been_moved_over_a_file_that_is_replaced_stays() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Own hash=None cheap_reads=false move_gives_revision=true replace_gives_id=true symlinks=false
        destination: ids=None move_gives_revision=true versions=false coarse_mtime=true folds_unicode=true
        order: 17935616326951866983
        base folder "a"
        base folder "a/a"
        base folder "g"
        base write "a/n.txt" 13 1
        base write "g/con" 31 2
        0 source swap "a/n.txt" "g/con"
        0 source write "g/N.txt" 36
        0 destination write "a/a/con" 37
        4 destination move "a/n.txt" "g/con"
        "#,
    );
}

/// The same where the plan that is to keep the content is cut off half-way (a smaller case of seed 17755826).
#[test]
fn what_may_be_the_last_of_a_content_is_noted_before_anything_goes() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=None revisions=ContentHash folder_move=false coarse_mtime=true symlinks=false
        versions: false
        order: 15866127980601315055
        base folder "D"
        base folder "D/e"
        base folder "D/f"
        base write "D/f/cafe\u{301}" 17 2
        base write "D/e/c" 19 2
        base write "D/f/N.txt" 26 2
        0 destination move "D/f/cafe\u{301}" "d"
        0 source write "D/f/A" 29
        0 destination move "D/f/N.txt" "c"
        0 source move "D/e/c" "D/e/C"
        7 destination write "D/f/N.txt" 31
        11 source move "D/f/N.txt" "c"
        "#,
    );
}

/// What may be the last of its content, and cannot be carried for its name, kept another file from what had been
/// written to it (seed 2176622).
#[test]
fn what_cannot_be_carried_keeps_nothing_from_its_content() {
    holds(
        r#"
        source: ids=None revisions=ContentHash folder_revisions=Own hash=None executable=false symlinks=false folds_unicode=true strict_names=true
        destination: ids=Strong
        order: 17672156860881113105
        base folder "g"
        base write "g/c" 15 1
        base write "g/A" 16 1
        base write "g/café" 18 3
        base write "g/a" 29 3
        0 source write "g/a" 34
        0 destination write "cafe\u{301}" 36
        0 source move "g" "G"
        0 destination move "g/a" "g/cafe\u{301}"
        11 destination write "G/café" 1
        "#,
    );
}

/// A file that is left where it is, for its folder cannot be carried, keeps none of the same size elsewhere from
/// being deleted (seed 68751645).
#[test]
fn what_is_left_where_it_is_keeps_nothing_that_goes() {
    holds(
        r#"
        source: ids=Strong
        destination: ids=Strong revisions=ContentHash folder_revisions=Own hash=Md5 cheap_reads=false executable=false
        base folder "d"
        base folder "g"
        base write "g/d" 22 2
        base write "d/b" 28 2
        0 destination touch "d/b" 3
        0 source delete "d"
        0 destination move "g/d" "d/N.txt"
        0 source opaque "d"
        "#,
    );
}

/// What may be the last of its content and lies in a folder that cannot be carried kept another file for good from
/// what had been written to it (seed 74235816).
#[test]
fn what_is_forgotten_in_a_folder_that_is_left_out_waits_for_nothing() {
    holds(
        r#"
        source: ids=Hint revisions=Fingerprint folder_revisions=Children hash=Md5 cheap_reads=false folder_move=false executable=false folds_unicode=true strict_names=true
        destination: ids=Strong
        base folder "a"
        base folder "a/d"
        base folder "a/d/g"
        base folder "d"
        base write "d/n.txt" 13 1
        base write "a/d/A" 18 2
        base write "a/d/g/A" 27 3
        0 source opaque "cafe\u{301}"
        0 source swap "a/d" "cafe\u{301}"
        0 source move "cafe\u{301}/g/A" "a/n.txt"
        0 destination swap "a/d/g/A" "d/n.txt"
        27 destination write "cafe\u{301}/A" 34
        "#,
    );
}
