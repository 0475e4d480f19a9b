//! One suite that every storage passes (P13, DESIGN 6.2): it chooses its cases by what the storage declares.
//! What is declared is tested; what is not must fail with `unsupported`.
//!
//! A provider's test file supplies a fresh [`Subject`] and calls the [`suite!`](suite) macro, which makes one test
//! of every case, named as a sentence of the contract:
//!
//! ```ignore
//! async fn fresh() -> Subject { .. }
//! tandem_testkit::conformance::suite!(fresh);
//! ```
//!
//! A simulation calls [`run_all`] instead, once per seed, on its own executor and in its own time; where a server takes
//! longer to start than most cases to run, [`run_abreast`] shares one. One list of cases drives all. Cases know no
//! runtime, and nothing of a storage but its traits.

mod bench;
mod body;
mod conditions;
mod copying;
mod errors;
mod feed;
mod folders;
mod hashing;
mod identity;
mod listing;
mod losses;
mod metadata;
mod moving;
mod names;
mod outcome;
mod pause;
mod races;
mod reading;
mod record;
mod resume;
mod subject;
mod tree;
mod versions;
mod writing;

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::{FutureExt, StreamExt, stream};

use bench::Bench;
pub use losses::{LOSSES, Losses};
pub use names::HOSTILE_NAMES;
pub use outcome::{CaseReport, Report, Verdict};
use outcome::{Outcome, Stop};
pub use record::{FOLDER as RECORD_FOLDER, Proof, RecordedCase};
pub use subject::{Factory, KnownFault, Opener, Outsider, Place, Subject};

/// One sentence of the contract.
pub struct Case {
    /// Its theme: the file it stands in.
    pub theme: &'static str,
    /// The sentence.
    pub name: &'static str,
    run: for<'a> fn(&'a Bench) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>,
}

/// Hands the list of all cases, theme by theme, to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_cases {
    ($then:path, $($with:tt)*) => {
        $then! {
            [$($with)*]
            reading {
                a_read_gives_what_was_written,
                a_range_gives_exactly_its_bytes,
                a_range_is_cut_at_the_end_of_the_file,
                a_range_beyond_the_end_gives_nothing,
                reads_of_one_file_may_run_side_by_side,
                a_read_leaves_the_file_as_it_was,
                a_read_of_a_replaced_revision_fails,
                a_read_of_a_deleted_file_fails,
                a_read_gives_bytes_of_exactly_one_revision,
                ranges_of_one_entry_are_of_one_revision,
                a_strong_id_finds_the_file_under_another_path,
            }
            writing {
                every_size_around_a_part_boundary_arrives_whole,
                the_threshold_of_parts_is_crossed_without_a_seam,
                a_short_body_fails_and_leaves_nothing,
                a_long_body_fails_and_leaves_nothing,
                a_body_that_breaks_fails_with_its_error,
                a_body_that_changes_meanwhile_fails_and_leaves_nothing,
                a_body_is_never_taken_under_a_wrong_hash,
                staged_content_is_not_seen_before_its_commit,
                what_a_commit_answers_is_what_stat_shows,
                a_commit_lands_where_it_was_sent,
                a_group_is_answered_member_by_member_in_order,
                a_failing_member_does_not_take_its_group_with_it,
                an_empty_group_is_answered_with_nothing,
                progress_ends_exactly_at_the_total,
                a_file_needs_its_folder,
                what_was_written_is_there_after_a_restart,
                a_reader_sees_old_or_new_never_a_part,
                files_written_side_by_side_all_arrive,
                a_file_larger_than_the_storage_takes_is_refused,
            }
            conditions {
                a_free_name_can_be_created,
                a_taken_name_is_not_created,
                the_expected_revision_is_replaced,
                another_revision_is_not_replaced,
                the_revision_of_another_file_does_not_do,
                what_is_gone_is_not_replaced,
                any_takes_whatever_is_there,
                the_expected_revision_is_deleted,
                another_revision_is_not_deleted,
                deleting_what_is_gone_is_done,
                an_unseen_edit_is_not_lost_to_a_commit,
                an_unseen_file_is_not_lost_to_a_commit,
                an_unseen_edit_is_not_lost_to_a_delete,
                an_unseen_file_is_not_lost_to_a_move,
                an_unseen_edit_between_stage_and_commit_is_not_lost,
            }
            races {
                of_many_creates_exactly_one_wins,
                of_many_replacements_exactly_one_wins,
                of_many_uploads_in_parts_exactly_one_wins,
                of_an_edit_and_a_delete_exactly_one_wins,
                deletes_at_once_all_end_well,
                of_many_moves_onto_one_name_exactly_one_wins,
                a_file_that_many_move_ends_up_once,
            }
            listing {
                many_children_are_all_listed_once,
                many_folders_are_all_listed_once,
                a_subtree_is_listed_with_all_below_it,
                children_are_listed_without_what_is_below,
                a_listing_ends_with_its_end_marker_once,
                a_listing_says_what_stat_says,
                a_finished_change_is_listed,
                what_an_outsider_makes_is_listed,
                a_missing_folder_is_not_an_empty_one,
                a_file_is_not_an_empty_folder,
                a_listing_beside_changes_misses_nothing_that_stays,
                stat_tells_what_is_absent,
            }
            folders {
                a_folder_is_made_with_its_parents,
                making_a_folder_that_is_there_is_fine,
                a_folder_does_not_replace_a_file,
                a_file_does_not_replace_a_folder,
                a_file_is_not_put_below_a_file,
                an_empty_folder_lasts,
                an_empty_folder_is_deleted,
                a_folder_that_is_not_empty_is_not_deleted,
                a_folder_with_an_unseen_file_is_not_deleted,
                a_folder_in_place_of_the_expected_file_is_not_deleted,
                a_folders_revision_covers_what_is_below,
            }
            names {
                a_hostile_name_round_trips_or_is_refused,
                a_hostile_name_is_moved_and_copied_to_or_refused,
                a_folder_of_a_hostile_name_holds_files,
                names_beyond_the_declared_length_are_refused,
                the_longest_declared_name_is_held,
                spellings_of_another_case_are_as_declared,
                spellings_of_another_unicode_form_are_as_declared,
                folders_of_another_case_are_as_declared,
                twins_made_at_once_are_never_merged,
                names_that_tandem_keeps_are_not_listed,
            }
            versions {
                replaced_content_is_kept,
                deleted_content_is_kept,
                a_keep_that_cannot_be_is_refused,
                versions_are_listed_newest_first,
                a_path_has_its_own_versions,
                a_version_is_read_in_ranges,
                a_version_is_put_back,
                a_version_is_not_put_over_another_content,
                a_pruned_version_is_gone,
                versions_outlast_a_restart,
                versions_are_not_listed_as_files,
                a_lost_race_keeps_no_version_of_its_own,
                what_is_in_the_trash_can_be_restored,
                another_revision_is_not_put_into_the_trash,
                a_full_folder_goes_into_the_trash_if_declared,
            }
            moving {
                a_file_moves_whole,
                a_moved_file_keeps_its_id,
                a_moved_file_keeps_its_mtime,
                a_taken_name_is_not_moved_onto,
                a_move_replaces_the_expected_revision,
                a_move_onto_another_revision_is_refused,
                another_revision_is_not_moved,
                what_is_gone_is_not_moved,
                a_move_needs_a_folder_to_go_to,
                a_name_changes_its_case_alone,
                a_name_changes_its_unicode_form_alone,
                a_folder_moves_with_all_below_if_declared,
                a_folder_is_not_moved_onto_another,
                a_folder_is_not_moved_into_itself,
                a_folder_changes_its_case_alone,
                two_names_are_swapped_through_a_third,
            }
            copying {
                a_copy_has_the_same_bytes_if_declared,
                a_taken_name_is_not_copied_onto,
                a_copy_replaces_the_expected_revision,
                another_revision_is_not_copied,
                of_many_copies_onto_one_name_exactly_one_wins,
            }
            metadata {
                an_mtime_comes_back_within_its_precision,
                metadata_is_set_without_touching_content,
                metadata_of_another_revision_is_not_set,
                the_executable_bit_is_kept_if_declared,
                a_link_is_held_as_text_if_declared,
                a_link_is_never_followed,
                a_link_is_replaced_and_deleted_like_a_file,
                ids_tell_items_apart,
                a_strong_id_stays_and_is_never_given_again,
                every_hash_is_right_and_the_declared_are_there,
                a_revision_changes_with_every_content,
                a_revision_that_is_content_changes_with_nothing_else,
            }
            feed {
                the_feed_leads_to_what_is_listed,
                a_batch_of_the_feed_may_come_in_any_order,
                the_feed_says_the_same_again_from_the_same_cursor,
                a_cursor_covers_what_is_done_while_listing,
                a_cursor_outlasts_a_restart,
                a_cursor_of_something_else_has_expired,
                a_change_ends_the_waiting,
                the_waiting_ends_at_its_deadline,
            }
            resume {
                an_interrupted_upload_goes_on_after_a_restart,
                a_staged_upload_is_found_again_after_a_restart,
                a_token_that_does_not_fit_is_no_obstacle,
                a_token_of_other_content_makes_no_mix_under_a_wrong_hash,
                discarding_is_done_once_and_for_all,
                a_finished_commit_leaves_nothing_over,
                a_dropped_write_leaves_old_or_new,
                a_dropped_group_leaves_each_member_old_or_new,
                a_dropped_delete_loses_nothing_it_was_to_keep,
            }
            identity {
                a_root_keeps_its_identity,
                two_roots_have_two_identities,
                looking_at_the_identity_creates_none,
                an_identity_is_made_once,
            }
            errors {
                expired_credentials_ask_to_sign_in,
                an_error_names_operation_and_path,
                what_is_not_declared_is_unsupported,
                a_version_that_never_was_is_not_found,
                reading_a_folder_fails,
                free_space_and_settling_do_not_fail,
                a_new_storage_has_the_capabilities_of_its_root,
                the_test_of_a_storage_is_green_and_leaves_nothing,
                the_quota_is_told_if_declared,
                a_storage_that_works_says_so,
                a_listing_without_a_root_says_so,
            }
        }
    };
}

macro_rules! table {
    ([] $($theme:ident { $($case:ident,)* })*) => {
        /// Every case, theme by theme.
        pub const CASES: &[Case] = &[$($(
            Case {
                theme: stringify!($theme),
                name: stringify!($case),
                run: |bench| Box::pin($theme::$case(bench)),
            },
        )*)*];
    };
}

__conformance_cases!(table,);

/// Makes one test of every case.
///
/// `suite!(fresh)` makes a `#[tokio::test]` of each, on several threads; the calling crate needs `tokio` with
/// `macros`, `rt-multi-thread` and `time`. `fresh` names an `async fn() -> Subject` in scope. Each case gets a
/// subject of its own. Why a case does not apply is printed; run with `--nocapture` to see it.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_suite {
    ($fresh:path) => {
        $crate::__conformance_cases!($crate::__conformance_tests, $fresh);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ([$fresh:path] $($theme:ident { $($case:ident,)* })*) => {
        $(
            mod $theme {
                #[allow(unused_imports)]
                use super::*;
                $(
                    #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $case() {
                        let case = $crate::conformance::run_one(stringify!($case), $fresh);
                        let patience = ::std::time::Duration::from_secs(600);
                        let report = ::tokio::time::timeout(patience, case).await;
                        let report = report.expect("the case goes on for more than ten minutes");
                        if let Some(note) = report.into_note() {
                            println!("{note}");
                        }
                    }
                )*
            }
        )*
    };
}

#[doc(inline)]
pub use crate::__conformance_suite as suite;

/// Runs the case of this name over a fresh subject.
///
/// # Panics
/// If there is no such case.
pub async fn run_one<F, Fut>(name: &str, fresh: F) -> CaseReport
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Subject> + Send + 'static,
{
    let case = CASES.iter().find(|case| case.name == name);
    let case = case.unwrap_or_else(|| panic!("there is no case {name:?}"));
    run(case, &factory(fresh)).await
}

/// Runs every case, each over a fresh subject, one after another.
pub async fn run_all<F, Fut>(fresh: F) -> Report
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Subject> + Send + 'static,
{
    let factory = factory(fresh);
    let mut report = Report::default();
    for case in CASES {
        report.cases.push(run(case, &factory).await);
    }
    report
}

/// Runs every case as [`run_all`] does, a few at a time: many wait more than they do.
pub async fn run_abreast<F, Fut>(fresh: F) -> Report
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Subject> + Send + 'static,
{
    const ABREAST: usize = 4;
    let factory = factory(fresh);
    let cases = stream::iter(CASES).map(|case| run(case, &factory));
    Report {
        cases: cases.buffered(ABREAST).collect().await,
    }
}

fn factory<F, Fut>(fresh: F) -> Factory
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Subject> + Send + 'static,
{
    Arc::new(move || Box::pin(fresh()))
}

async fn run(case: &Case, factory: &Factory) -> CaseReport {
    let subject = factory().await;
    for fault in &subject.known_faults {
        let known = CASES.iter().any(|case| case.name == fault.what);
        assert!(
            known || HOSTILE_NAMES.contains(&fault.what),
            "a known fault names no case and no hostile name: {fault:?}"
        );
    }
    let excuse = subject
        .known_faults
        .iter()
        .find(|fault| fault.what == case.name)
        .copied();
    let proof = subject.proof.clone();
    let bench = Bench::new(subject, Arc::clone(factory));
    let outcome = AssertUnwindSafe((case.run)(&bench)).catch_unwind().await;
    let verdict = match (outcome, excuse) {
        (Ok(Ok(())), Some(fault)) if !fault.at_times => Verdict::Failed(format!(
            "it passes now: no longer needs the excuse {:?}",
            fault.why
        )),
        (Ok(Ok(())), _) => Verdict::Passed,
        (Ok(Err(Stop::NotApplicable(why))), _) => Verdict::NotApplicable(why),
        (Ok(Err(Stop::Broken { what, at })), excuse) => verdict(format!("{what} ({at})"), excuse),
        (Err(panic), excuse) => verdict(format!("it panicked: {}", words(&*panic)), excuse),
    };
    let report = CaseReport {
        theme: case.theme,
        name: case.name,
        verdict,
    };
    if let Some(proof) = proof {
        record::record(&proof, &report, bench.caps());
    }
    report
}

fn verdict(failure: String, excuse: Option<KnownFault>) -> Verdict {
    match excuse {
        Some(fault) => Verdict::Excused {
            why: fault.why.to_owned(),
            failure,
        },
        None => Verdict::Failed(failure),
    }
}

/// The message of a panic.
fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
