//! A pass over two folders of this computer is killed before and after each call that changes a disk, of the sides and
//! of the state (P1, P4, P6). The next pass finishes, nothing is lost, no file is half; and who reads meanwhile sees
//! the whole old content or the whole new one.
//!
//! Such a pass is this program started again: each test that kills begins by asking whether it is the one to be killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::result_large_err,
    reason = "a test says what went wrong by stopping"
)]

mod child;
mod environment;
mod judge;
mod operations;
mod pair;
mod people;
mod points;
mod reader;
mod rounds;
mod trace;
mod workload;

use operations::{Operation, sequences};
use pair::Manner;
use points::Call;
use rounds::{Rounds, kill_everywhere};
use tandem_local::crash_points::Change;
use workload::Workload;

/// What it took, and that nothing was found.
#[track_caller]
fn judge(rounds: &Rounds) {
    println!("{}", rounds.summary());
    assert!(
        rounds.points > 0 && rounds.reads > 0,
        "{}",
        rounds.summary()
    );
    assert!(rounds.violations.is_empty(), "{:#?}", rounds.violations);
}

#[test]
fn a_pass_over_one_operation_is_killed_at_every_third_point() {
    if child::is_this() {
        return;
    }
    judge(&kill_everywhere(&sequences(1), 3));
}

#[test]
fn a_pass_over_everything_else_is_killed_at_some_points() {
    if child::is_this() {
        return;
    }
    judge(&kill_everywhere(&everything_else(), 29));
}

/// What is no sequence, and single operations in another manner than the usual one.
fn everything_else() -> Vec<Workload> {
    let mut workloads = Workload::special();
    for manner in [Manner::Portable, Manner::Unversioned] {
        workloads.extend(sequences(1).into_iter().map(|it| it.by(manner)));
    }
    workloads
}

/// Changes that no pass over two folders makes that are each on one file system: what is set aside on another than the
/// root's is copied, and a link among that gets its time.
const ELSEWHERE: [Change; 2] = [Change::CopyRange, Change::SetTimeOfName];

#[test]
fn every_change_that_can_be_made_is_among_the_points() {
    if child::is_this() {
        return;
    }
    let workloads = [sequences(1), everything_else()].concat();
    let reached = rounds::calls(&workloads);
    let missed: Vec<&Change> = Change::ALL
        .iter()
        .filter(|change| !reached.contains(&Call::Side(**change)) && !ELSEWHERE.contains(change))
        // Only that user may give files to others.
        .filter(|change| rustix::process::geteuid().is_root() || **change != Change::SetOwner)
        .collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");
}

#[test]
fn the_points_are_what_the_system_sees() {
    if child::is_this() {
        return;
    }
    for workload in [
        Workload::of(&[
            Operation::Conflict,
            Operation::Move,
            Operation::DeleteFolder,
        ]),
        Workload::Together,
    ] {
        let (counted, seen) = trace::compare(&workload);
        println!("{workload}: {counted:?}");
        assert_eq!(counted, seen, "{workload}");
        assert!(counted.values().sum::<u64>() > 40, "{counted:?}");
    }
}

#[test]
#[ignore = "hundreds of sequences take hours: part of ./dev test --all"]
fn a_pass_over_one_or_two_operations_is_killed_at_every_point() {
    if child::is_this() {
        return;
    }
    judge(&kill_everywhere(&[sequences(1), sequences(2)].concat(), 1));
}

#[test]
#[ignore = "hundreds of sequences take hours: part of ./dev test --all"]
fn a_pass_over_everything_else_is_killed_at_every_point() {
    if child::is_this() {
        return;
    }
    judge(&kill_everywhere(&everything_else(), 1));
}

/// All sequences of three that begin with one operation; a test each, so that a failed one can be run alone.
macro_rules! begin_with {
    ($($test:ident: $first:ident,)*) => {$(
        #[test]
        #[ignore = "hundreds of sequences take hours: part of ./dev test --all"]
        fn $test() {
            if child::is_this() {
                return;
            }
            let mut workloads = sequences(3);
            workloads.retain(|workload| workload.begins_with(Operation::$first));
            judge(&kill_everywhere(&workloads, 1));
        }
    )*};
}

begin_with! {
    three_operations_of_which_the_first_creates: Create,
    three_operations_of_which_the_first_edits: Edit,
    three_operations_of_which_the_first_moves: Move,
    three_operations_of_which_the_first_deletes: Delete,
    three_operations_of_which_the_first_creates_a_folder: CreateFolder,
    three_operations_of_which_the_first_moves_a_folder: MoveFolder,
    three_operations_of_which_the_first_deletes_a_folder: DeleteFolder,
    three_operations_of_which_the_first_is_a_conflict: Conflict,
}
