// Every command that the page may call, and nothing else of the program can be reached from it. The macro makes of them
// the enum that is read, the trait that is implemented, the list for Tauri's permissions and the page's TypeScript.
commands! {
    /// How the pairs are.
    overview() -> Overview;
    /// Makes a pair that begins paused, so that its plan can be looked at first.
    add_pair(pair: NewPair) -> String;
    /// A pair as it is, to be changed.
    pair_form(name: String) -> PairForm;
    /// Changes a pair. Where an end is another place, nothing is sent again if it holds what the old one held.
    change_pair(name: String, form: PairForm) -> ();
    /// Forgets a pair; the files on both sides stay. Answers with a sentence.
    remove_pair(name: String) -> String;
    /// Compares both sides of a pair anew, whose notes about its files are damaged. Answers with a sentence.
    compare_anew(name: String) -> String;
    /// Pauses pairs; all, if none is named.
    pause(names: Vec<String>, span: PauseSpan) -> ();
    /// Goes on with pairs; all, if none is named.
    resume(names: Vec<String>) -> ();
    /// One pass over pairs; all, if none is named.
    sync_now(names: Vec<String>) -> Vec<SyncView>;
    /// What would be done for a pair.
    preview(name: String) -> PreviewView;
    /// What holds for a pair, by what its ends can do.
    guarantees(name: String) -> Vec<GuaranteeView>;
    /// What is not in step, and why.
    problems(name: String) -> Vec<ProblemView>;
    /// Shows a pair's folder on this computer in the file manager.
    show_folder(name: String) -> ();
    /// Asks for a folder on this computer; none if the person gave up.
    choose_folder() -> Option<String>;
    /// The folder on this computer that a text names, if it is there and can be read.
    local_folder(text: String) -> FolderView;
    /// What a folder holds.
    list_folder(at: Location) -> Vec<EntryView>;
    /// The types of storages.
    storage_types() -> Vec<TypeView>;
    /// All storages.
    storages() -> Vec<StorageView>;
    /// One storage, with how it is now.
    storage(name: String) -> StorageView;
    /// Adds a storage, if it passes its test; the steps come as events. The window gives such a request a number of its
    /// own, by which it can be cancelled.
    add_storage(form: StorageForm, request: u32) -> StorageView;
    /// Changes a storage, if it passes its test; the steps come as events.
    change_storage(form: StorageForm, request: u32) -> StorageView;
    /// Tests a storage; the steps come as events too.
    test_storage(name: String) -> Vec<StepView>;
    /// Signs in to a storage anew by the browser, and tests it; the steps come as events.
    sign_in(name: String, request: u32) -> StorageView;
    /// Opens the browser once more for a request that a person is to sign in for; whether that could be done.
    open_sign_in(request: u32) -> bool;
    /// Cancels a request: nothing more is done for it, and nothing saved.
    cancel(request: u32) -> ();
    /// From now on the keys of new storages are kept in a file that this passphrase opens. Answers with a sentence.
    keep_in_file(passphrase: Passphrase) -> String;
    /// Opens the saved passwords with their passphrase, until the program ends. Answers with a sentence.
    unlock(passphrase: Passphrase) -> String;
    /// Switches a storage on or off.
    enable_storage(name: String, on: bool) -> StorageView;
    /// Gives a storage another name.
    rename_storage(name: String, to: String) -> StorageView;
    /// Forgets a storage and its secrets; nothing on it is touched. Answers with a sentence.
    remove_storage(name: String) -> String;
    /// The newest lines of the journals, oldest first.
    activity(pair: Option<String>, limit: u32) -> LogLines;
    /// Why a path is as it is.
    explain(pair: String, path: String) -> ExplainView;
    /// Undoes an action.
    undo_action(id: String) -> Vec<SyncView>;
    /// Undoes a run.
    undo_run(id: String) -> Vec<SyncView>;
    /// Conflicts that wait.
    conflicts() -> Vec<ConflictView>;
    /// What both versions of a conflict hold.
    compare(id: String) -> ComparisonView;
    /// Decides a conflict; only if its versions are those that were shown, where that is said.
    resolve(id: String, keep: KeepSide, seen: Option<SeenVersions>) -> String;
    /// What waits for a person.
    held() -> Vec<HeldView>;
    /// One of them with each delete in it.
    held_whole(hold: String) -> HeldView;
    /// Lets what is held pass.
    approve(hold: String) -> String;
    /// Does not let it pass.
    reject(hold: String, instead: Instead) -> String;
    /// The program's own settings.
    settings() -> SettingsView;
    /// Changes them; they hold at once.
    change_settings(settings: Settings) -> SettingsView;
    /// Starts with the session, or not any more.
    set_autostart(on: bool) -> SettingsView;
    /// The settings of all pairs.
    profile_settings() -> ProfileView;
    /// Changes them; they hold at once, also for what is under way.
    change_profile_settings(settings: ProfileSettings) -> ProfileView;
    /// How the program, the profile and the storages are.
    doctor() -> DoctorView;
    /// Saves a bundle for those who help, where a person says; none if the person gave up.
    save_bundle() -> Option<String>;
}
