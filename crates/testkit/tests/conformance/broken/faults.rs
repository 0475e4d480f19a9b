//! The faults, each with the case that must catch it.

use tandem_core::error::Cause;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Every operation fails with this cause: not a fault, but what expired credentials look like.
    Denies(Cause),
    ForbidsInsteadOfAuth,
    Undeclares,
    CreatesOverAnything,
    ReplacesAnything,
    ChecksTooEarly,
    LosesDisplaced,
    DeletesAnything,
    DeletesFullFolders,
    GoneIsAnError,
    MovesAnything,
    MovesOntoAnything,
    MovesByCopy,
    CopiesOntoAnything,
    SetsOnAnything,
    ShowsStaged,
    ShowsHalf,
    TakesAnyLength,
    TrimsNames,
    TrimsMovedNames,
    FoldsCase,
    CutsNames,
    FollowsLinks,
    CoarseRevisions,
    MakesParents,
    FolderMustBeNew,
    GroupStops,
    AnswersBackwards,
    ProgressStopsShort,
    BeginsAnew,
    MixesOnResume,
    DiscardsNothing,
    IgnoresRanges,
    ReadsWhatIsThere,
    MixesRevisions,
    DropsEnd,
    EndsTwice,
    ForgetsAfterAPage,
    ForgetsFolders,
    ListsTwice,
    ListsItsOwn,
    ListsAnotherRevision,
    MissingIsEmpty,
    FeedForgetsRemovals,
    FeedForgetsEdits,
    TakesAnyCursor,
    NeverHints,
    ForgetsKept,
    TrashForever,
    VersionsOldestFirst,
    VersionsOfEverything,
    IgnoresVersionRanges,
    RestoresOverAnything,
    PrunesNothing,
    WrongHashes,
    ForgetsHashes,
    ShiftsTimes,
    ForgetsExecutable,
    ReusesIds,
    NewIdentityEachTime,
    OneIdentityForAll,
}

/// Each fault and the case that names it.
pub(crate) const CAUGHT: &[(Fault, &str)] = &[
    (
        Fault::ForbidsInsteadOfAuth,
        "expired_credentials_ask_to_sign_in",
    ),
    (Fault::Undeclares, "what_is_not_declared_is_unsupported"),
    (Fault::Undeclares, "a_copy_has_the_same_bytes_if_declared"),
    (
        Fault::Undeclares,
        "a_folder_moves_with_all_below_if_declared",
    ),
    (Fault::CreatesOverAnything, "a_taken_name_is_not_created"),
    (
        Fault::CreatesOverAnything,
        "an_unseen_file_is_not_lost_to_a_commit",
    ),
    (
        Fault::CreatesOverAnything,
        "of_many_creates_exactly_one_wins",
    ),
    (
        Fault::CreatesOverAnything,
        "of_many_uploads_in_parts_exactly_one_wins",
    ),
    (Fault::ReplacesAnything, "another_revision_is_not_replaced"),
    (
        Fault::ReplacesAnything,
        "the_revision_of_another_file_does_not_do",
    ),
    (Fault::ReplacesAnything, "what_is_gone_is_not_replaced"),
    (
        Fault::ReplacesAnything,
        "an_unseen_edit_is_not_lost_to_a_commit",
    ),
    (
        Fault::ReplacesAnything,
        "an_unseen_edit_between_stage_and_commit_is_not_lost",
    ),
    (Fault::ChecksTooEarly, "of_many_creates_exactly_one_wins"),
    (
        Fault::ChecksTooEarly,
        "of_many_replacements_exactly_one_wins",
    ),
    (
        Fault::LosesDisplaced,
        "an_unseen_edit_is_not_lost_to_a_commit",
    ),
    (
        Fault::LosesDisplaced,
        "a_lost_race_keeps_no_version_of_its_own",
    ),
    (Fault::DeletesAnything, "another_revision_is_not_deleted"),
    (
        Fault::DeletesAnything,
        "an_unseen_edit_is_not_lost_to_a_delete",
    ),
    (
        Fault::DeletesAnything,
        "another_revision_is_not_put_into_the_trash",
    ),
    (
        Fault::DeletesFullFolders,
        "a_folder_that_is_not_empty_is_not_deleted",
    ),
    (
        Fault::DeletesFullFolders,
        "a_folder_with_an_unseen_file_is_not_deleted",
    ),
    (Fault::GoneIsAnError, "deleting_what_is_gone_is_done"),
    (Fault::MovesAnything, "another_revision_is_not_moved"),
    (Fault::MovesOntoAnything, "a_taken_name_is_not_moved_onto"),
    (
        Fault::MovesOntoAnything,
        "a_move_onto_another_revision_is_refused",
    ),
    (
        Fault::MovesOntoAnything,
        "an_unseen_file_is_not_lost_to_a_move",
    ),
    (
        Fault::MovesOntoAnything,
        "of_many_moves_onto_one_name_exactly_one_wins",
    ),
    (Fault::MovesByCopy, "a_moved_file_keeps_its_id"),
    (Fault::CopiesOntoAnything, "a_taken_name_is_not_copied_onto"),
    (
        Fault::CopiesOntoAnything,
        "of_many_copies_onto_one_name_exactly_one_wins",
    ),
    (
        Fault::SetsOnAnything,
        "metadata_of_another_revision_is_not_set",
    ),
    (
        Fault::ShowsStaged,
        "staged_content_is_not_seen_before_its_commit",
    ),
    (Fault::ShowsHalf, "a_reader_sees_old_or_new_never_a_part"),
    (Fault::ShowsHalf, "a_dropped_write_leaves_old_or_new"),
    (
        Fault::ShowsHalf,
        "a_dropped_group_leaves_each_member_old_or_new",
    ),
    (
        Fault::TakesAnyLength,
        "a_short_body_fails_and_leaves_nothing",
    ),
    (
        Fault::TakesAnyLength,
        "a_long_body_fails_and_leaves_nothing",
    ),
    (
        Fault::TrimsNames,
        "a_hostile_name_round_trips_or_is_refused",
    ),
    (
        Fault::TrimsMovedNames,
        "a_hostile_name_is_moved_and_copied_to_or_refused",
    ),
    (Fault::MakesParents, "a_file_needs_its_folder"),
    (
        Fault::FolderMustBeNew,
        "making_a_folder_that_is_there_is_fine",
    ),
    (
        Fault::GroupStops,
        "a_failing_member_does_not_take_its_group_with_it",
    ),
    (
        Fault::AnswersBackwards,
        "a_group_is_answered_member_by_member_in_order",
    ),
    (
        Fault::ProgressStopsShort,
        "progress_ends_exactly_at_the_total",
    ),
    (
        Fault::BeginsAnew,
        "an_interrupted_upload_goes_on_after_a_restart",
    ),
    (
        Fault::MixesOnResume,
        "a_token_of_other_content_makes_no_mix_under_a_wrong_hash",
    ),
    (
        Fault::DiscardsNothing,
        "discarding_is_done_once_and_for_all",
    ),
    (Fault::IgnoresRanges, "a_range_gives_exactly_its_bytes"),
    (Fault::IgnoresRanges, "a_range_beyond_the_end_gives_nothing"),
    (
        Fault::IgnoresRanges,
        "reads_of_one_file_may_run_side_by_side",
    ),
    (
        Fault::ReadsWhatIsThere,
        "a_read_of_a_replaced_revision_fails",
    ),
    (
        Fault::ReadsWhatIsThere,
        "ranges_of_one_entry_are_of_one_revision",
    ),
    (
        Fault::MixesRevisions,
        "a_read_gives_bytes_of_exactly_one_revision",
    ),
    (Fault::DropsEnd, "a_listing_ends_with_its_end_marker_once"),
    (Fault::EndsTwice, "a_listing_ends_with_its_end_marker_once"),
    (
        Fault::ForgetsAfterAPage,
        "many_children_are_all_listed_once",
    ),
    (
        Fault::ForgetsFolders,
        "a_subtree_is_listed_with_all_below_it",
    ),
    (
        Fault::ListsTwice,
        "children_are_listed_without_what_is_below",
    ),
    (Fault::ListsItsOwn, "names_that_tandem_keeps_are_not_listed"),
    (Fault::ListsAnotherRevision, "a_listing_says_what_stat_says"),
    (
        Fault::MissingIsEmpty,
        "a_missing_folder_is_not_an_empty_one",
    ),
    (Fault::MissingIsEmpty, "a_file_is_not_an_empty_folder"),
    (
        Fault::FeedForgetsRemovals,
        "the_feed_leads_to_what_is_listed",
    ),
    (Fault::FeedForgetsEdits, "the_feed_leads_to_what_is_listed"),
    (
        Fault::FeedForgetsEdits,
        "a_batch_of_the_feed_may_come_in_any_order",
    ),
    (
        Fault::TakesAnyCursor,
        "a_cursor_of_something_else_has_expired",
    ),
    (Fault::NeverHints, "a_change_ends_the_waiting"),
    (Fault::ForgetsKept, "replaced_content_is_kept"),
    (Fault::TrashForever, "what_is_in_the_trash_can_be_restored"),
    (
        Fault::TrashForever,
        "a_full_folder_goes_into_the_trash_if_declared",
    ),
    (
        Fault::VersionsOldestFirst,
        "versions_are_listed_newest_first",
    ),
    (Fault::VersionsOfEverything, "a_path_has_its_own_versions"),
    (Fault::IgnoresVersionRanges, "a_version_is_read_in_ranges"),
    (
        Fault::RestoresOverAnything,
        "a_version_is_not_put_over_another_content",
    ),
    (Fault::PrunesNothing, "a_pruned_version_is_gone"),
    (
        Fault::WrongHashes,
        "every_hash_is_right_and_the_declared_are_there",
    ),
    (
        Fault::ForgetsHashes,
        "every_hash_is_right_and_the_declared_are_there",
    ),
    (
        Fault::ShiftsTimes,
        "an_mtime_comes_back_within_its_precision",
    ),
    (
        Fault::ForgetsExecutable,
        "the_executable_bit_is_kept_if_declared",
    ),
    (
        Fault::ReusesIds,
        "a_strong_id_stays_and_is_never_given_again",
    ),
    (Fault::NewIdentityEachTime, "a_root_keeps_its_identity"),
    (Fault::NewIdentityEachTime, "an_identity_is_made_once"),
    (Fault::OneIdentityForAll, "two_roots_have_two_identities"),
    (
        Fault::FoldsCase,
        "spellings_of_another_case_are_as_declared",
    ),
    (Fault::FoldsCase, "twins_made_at_once_are_never_merged"),
    (
        Fault::CutsNames,
        "names_beyond_the_declared_length_are_refused",
    ),
    (Fault::FollowsLinks, "a_link_is_never_followed"),
    (
        Fault::CoarseRevisions,
        "a_revision_changes_with_every_content",
    ),
];

/// Cases that no fault of a root can break, and why.
pub(crate) const BEYOND: &[(&str, &str)] = &[
    ("a_folders_revision_covers_what_is_below", "not declared"),
    (
        "a_revision_that_is_content_changes_with_nothing_else",
        "not declared",
    ),
    ("a_keep_that_cannot_be_is_refused", "versions are declared"),
    ("an_empty_group_is_answered_with_nothing", "nothing is done"),
    (
        "any_takes_whatever_is_there",
        "whatever is done is expected",
    ),
    (
        "the_waiting_ends_at_its_deadline",
        "ends with the time limit of the test",
    ),
    ("a_listing_without_a_root_says_so", "about the storage"),
    (
        "a_new_storage_has_the_capabilities_of_its_root",
        "about the storage",
    ),
    (
        "the_test_of_a_storage_is_green_and_leaves_nothing",
        "about the storage",
    ),
    ("the_quota_is_told_if_declared", "about the storage"),
    ("a_storage_that_works_says_so", "about the storage"),
];
