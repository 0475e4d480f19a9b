//! Cases that once failed, made small.

use tandem_testkit::planner::{Case, run_case, tell};

#[track_caller]
fn holds(case: &str) {
    let case: Case = case.parse().expect("the case can be read");
    let outcome = run_case(&case);
    assert!(
        outcome.violations.is_empty(),
        "{:#?}\n{}",
        outcome.violations,
        tell(&case).join("\n")
    );
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
