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
