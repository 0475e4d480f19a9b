//! A pass over two folders of this computer is killed before and after each call that changes a disk, of the sides and
//! of the state (P1, P4, P6). The next pass finishes, nothing is lost, no file is half; and who reads meanwhile sees
//! the whole old content or the whole new one.
//!
//! Such a pass is this program started again: each test that kills begins by asking whether it is the one to be killed.
//!
//! Then the same with the power cut after each such call (P5): what the pass had told of as done is there, on disks that
//! hold only what was written to them. This needs a user who may mount disks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::result_large_err,
    reason = "a test says what went wrong by stopping"
)]

mod child;
mod disks;
mod judge;
mod operations;
mod pair;
mod people;
mod points;
mod power_cuts;
mod reader;
mod rounds;
mod slice;
mod told;
mod trace;
mod workload;

use operations::{Operation, sequences};
use pair::Manner;
use points::Call;
use power_cuts::Edits;
use rounds::{Rounds, kill_everywhere};
use slice::Slice;
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
    judge(&kill_everywhere(&sequences(1), Slice::one_of(3)));
}

#[test]
fn a_pass_over_everything_else_is_killed_at_some_points() {
    if child::is_this() {
        return;
    }
    judge(&kill_everywhere(&everything_else(), Slice::one_of(29)));
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
    judge(&kill_everywhere(
        &[sequences(1), sequences(2)].concat(),
        Slice::asked(),
    ));
}

#[test]
#[ignore = "hundreds of sequences take hours: part of ./dev test --all"]
fn a_pass_over_everything_else_is_killed_at_every_point() {
    if child::is_this() {
        return;
    }
    judge(&kill_everywhere(&everything_else(), Slice::asked()));
}

/// Cuts the power under passes over `workloads`.
#[track_caller]
fn cut_the_power(workloads: &[Workload], edits: Edits, slice: Slice) {
    match power_cuts::cut_everywhere(workloads, edits, slice) {
        Ok(cuts) => {
            println!("{}", cuts.summary());
            assert!(cuts.cuts > 0 && cuts.told > 0, "{}", cuts.summary());
            assert!(cuts.violations.is_empty(), "{:#?}", cuts.violations);
        }
        Err(why) => println!("not run, for this machine mounts no disks for this user: {why}"),
    }
}

/// Sequences of one operation, also by calls that every file system has, and what is no sequence and not long.
fn to_be_cut() -> Vec<Workload> {
    let mut workloads = sequences(1);
    workloads.extend([Workload::First, Workload::Together, Workload::Attributes]);
    let portable = sequences(1).into_iter();
    workloads.extend(portable.map(|workload| workload.by(Manner::Portable)));
    workloads
}

#[test]
fn what_was_told_of_is_there_after_a_power_cut_at_some_calls() {
    if child::is_this() {
        return;
    }
    let workloads = [Workload::First, Workload::of(&[Operation::Conflict])];
    for edits in [Edits::Flushed, Edits::Unflushed] {
        cut_the_power(&workloads, edits, Slice::one_of(41));
    }
}

#[test]
#[ignore = "takes minutes, and a user who may mount: part of ./dev test --all"]
fn what_was_told_of_is_there_after_a_power_cut_at_any_call() {
    if child::is_this() {
        return;
    }
    cut_the_power(&to_be_cut(), Edits::Flushed, Slice::asked());
}

#[test]
#[ignore = "takes minutes, and a user who may mount: part of ./dev test --all"]
fn what_nobody_flushed_before_the_pass_is_there_once_it_was_told_of() {
    if child::is_this() {
        return;
    }
    cut_the_power(&to_be_cut(), Edits::Unflushed, Slice::asked());
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
            judge(&kill_everywhere(&workloads, Slice::asked()));
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
