// Made from crates/desktop/src/bridge by its tests. To make it anew after a change there:
// TANDEM_WRITE_BRIDGE=1 cargo test -p tandem-desktop page_half

import { call } from "./call";

export type ActionKind = "create_folder" | "create" | "replace" | "move" | "set_meta" | "delete" | "adopt" | "forget" | "restore";

export type ActionView = {
/** What it does. */ kind: ActionKind,
/** The side it changes. */ side: Side,
/** The path. */ path: string,
/** Where a move goes. */ to?: string | null,
/** Bytes carried. */ bytes: number,
/** Why, in one word. */ why: string,
/** Why, in a sentence. */ reason: string, };

export type Appearance = "system" | "light" | "dark";

export type CheckView = {
/** What. */ name: string,
/** Whether it is well. */ ok: boolean,
/** Why it is not, in one word. */ cause?: string,
/** In one sentence. */ message: string,
/** What to do. */ next_step: string, };

export type ComparisonView = {
/** The conflict. */ id: string,
/** Each version; none where there is no file. */ versions: PerSide<VersionContent | null>,
/** Line by line, where both are texts. */ lines: LinesView | null, };

export type ConflictView = {
/** What to resolve. */ id: string,
/** The pair. */ pair: string,
/** The path. */ path: string,
/** The conflict copy; of what is settled, where it stands now. */ copy: string | null,
/** Whether nothing is to be chosen: it is only to be known. */ is_settled: boolean,
/** What kind. */ kind: string,
/** In one sentence. */ message: string,
/** Each side's version; of a conflict that was kept as a copy, the source's is the copy. */ sides: PerSide<EntrySide | null>,
/** Since when. */ since: When, };

export type ContentKind = "text" | "picture" | "too_large" | "other";

export type DoctorView = {
/** What was looked at. */ checks: Array<CheckView>,
/** The bundle, if one was written. */ bundle?: string | null,
/** Whether names of files and folders stand in it as they are. */ names: boolean, };

export type EntrySide = {
/** The path as the side spells it. */ path: string,
/** What it is. */ kind: string,
/** Bytes. */ size: number,
/** When it was last changed. */ mtime: When | null,
/** Its revision. */ revision: string, };

export type EntryView = {
/** Its name. */ name: string,
/** `file`, `folder`, `symlink`, `opaque`; `skipped` for what is there and cannot be told. */ kind: string,
/** Bytes. */ size: number,
/** When it was last changed. */ mtime: When | null,
/** Why it is skipped. */ why?: string | null, };

export type ExplainView = {
/** The pair. */ pair: string,
/** The path. */ path: string,
/** In one word. */ state: string,
/** In one sentence. */ message: string,
/** What decided. */ rule: string | null,
/** What each side had when they were last in step. */ base: PerSide<EntrySide | null>,
/** What each side showed last. */ seen: PerSide<EntrySide | null>,
/** How equality was shown. */ equality: string | null,
/** What would be done now. */ next: Array<ActionView>,
/** What was done with it, newest first. */ history: Array<LogView>, };

export type Failure = {
/** `auth`, `transient`, `permanent`, `usage`. */ kind: string,
/** Why, in one word. */ cause: string,
/** What was being done. */ operation: string | null,
/** The storage concerned. */ storage: string | null,
/** The path concerned. */ path: string | null,
/** One sentence. */ message: string,
/** What to do. */ next_step: string,
/** What the server or the system said. */ detail?: string | null, };

export type FieldView = {
/** The key in `--set KEY=VALUE` or `--secret KEY`. */ key: string,
/** The label of the form. */ label: string,
/** `text`, `url`, `folder`, `switch`, `choice`, `number`. */ kind: string,
/** The values of a choice. */ choices?: Array<string>,
/** Whether it must be given. */ required: boolean,
/** Whether it is a secret. */ secret: boolean,
/** One sentence of help. */ help: string,
/** What holds if it is not given. */ default: string | null, };

export type FolderView = {
/** Its absolute path. */ path: string,
/** How many files and folders lie directly in it. */ entries: number, };

export type GuaranteeView = {
/** Whether it is one to rely on; else a limit to know of. */ holds: boolean,
/** In one sentence. */ message: string, };

export type HealthView = {
/** `ok`, `degraded`, `offline`. */ state: string,
/** In a sentence. */ shown: string,
/** How long the last request took, in milliseconds. */ latency_ms: number | null,
/** Why the last request that did not work did not. */ last_error: string | null,
/** Bytes in use, where it says. */ used: number | null,
/** Bytes in all, where it says. */ total: number | null, };

export type HeldView = {
/** What to approve or reject. */ id: string,
/** The pair. */ pair: string,
/** The guard. */ guard: string,
/** In one sentence. */ message: string,
/** What to do. */ next_step: string,
/** Whether the whole pair is held. */ whole_pair: boolean,
/** What the guard compared. */ evidence: { [key in string]: string },
/** How many actions are held. */ count: number,
/** Since when. */ since: When,
/** The actions; of many, the first thousand. */ actions: Array<ActionView>, };

export type Instead = "restore" | "detach" | "pause";

export type KeepSide = "source" | "destination" | "both" | { "merged": string };

export type Language = "en" | "de";

export type LineRow = {
/** The source's line. */ source: LineView | null,
/** The destination's line. */ destination: LineView | null,
/** So many equal lines are left out here; then there is nothing else. */ equal: number,
/** Whether the two differ. */ differs: boolean, };

export type LineView = {
/** Its number, from 1. */ number: number,
/** Its text. */ pieces: Array<TextPiece>,
/** Whether it has an end; a last line may have none. */ ends: boolean, };

export type LinesView = {
/** What differs, with a few equal lines around it. */ rows: Array<LineRow>,
/** How many more rows there are. */ rows_left_out: number,
/** Lines in each other's place that differ. */ differing: number,
/** Lines that only the source has. */ only_source: number,
/** Lines that only the destination has. */ only_destination: number,
/** Both texts in one, to make a merged text of: where they differ, the source's lines and then the destination's. */ draft: string,
/** Whether all lines of both end as on Windows; the draft's do not. */ crlf: boolean, };

export type Location = {
/** The storage's name; [`LOCAL`] for paths on this computer. */ storage: string,
/** The path in the storage's own writing; absolute on this computer. */ path: string, };

export type LogLines = {
/** The newest, by time. */ lines: Array<LogView>,
/** Whether there are older ones. */ older_left_out: boolean, };

export type LogView = {
/** What to undo: `PAIR:NUMBER`. */ id: string,
/** The run it belongs to: `PAIR:NUMBER`. */ run: string,
/** The pair. */ pair: string,
/** When it ended. */ at: When,
/** What it came to. */ outcome: Outcome,
/** Why it did not work. */ error?: string | null,
/** Whether it can be undone. */ undoable: boolean,
/** What it does. */ kind: ActionKind,
/** The side it changes. */ side: Side,
/** The path. */ path: string,
/** Where a move goes. */ to?: string | null,
/** Bytes carried. */ bytes: number,
/** Why, in one word. */ why: string,
/** Why, in a sentence. */ reason: string, };

export type NewPair = {
/** Its name. */ name: string,
/** Its source. */ source: Location,
/** Its destination. */ destination: Location,
/** What was chosen. */ settings: PairSettings, };

export type Outcome = "done" | "lost_race" | "failed";

export type Overview = {
/** In one sentence. */ heading: string,
/** The pairs. */ pairs: Array<PairStatus>,
/** The process that keeps the pairs in step, if it is another one. */ owner: number | null,
/** Why nothing can be said of the pairs. */ failure: Failure | null,
/** Whether the pairs were looked at since the program started. */ is_known: boolean, };

export type Page = "overview" | "conflicts" | "held" | "storages";

export type PairForm = {
/** Its name. */ name: string,
/** Its source: a path, or `STORAGE:PATH`. */ source: string,
/** Its destination. */ destination: string,
/** What was chosen. */ settings: PairSettings, };

export type PairSettings = {
/** Which way changes go. */ mode: string,
/** What happens where both sides changed. */ conflict: string,
/** Who wins on the first sync. */ first_sync: string,
/** Patterns of what is left out. */ patterns: Array<string>,
/** Whether system and lock files and unfinished downloads are left out. */ junk_out: boolean,
/** Whether names that begin with a full stop are carried. */ hidden: boolean,
/** The subfolders that are carried; all, if there is none. */ chosen: Array<string>,
/** Larger files are left out, in bytes. */ largest: number | null,
/** Files that were changed longer ago are left out, in seconds. */ oldest: number | null,
/** For how many days older versions are kept; not at all, if there is no number. */ version_days: number | null,
/** Bytes a second to the destination. */ upload: number | null,
/** Bytes a second from the destination. */ download: number | null, };

export type PairStatus = {
/** Its uuid. */ id: string,
/** Its name. */ name: string,
/** Its source. */ source: string,
/** Its destination. */ destination: string,
/** In one word (DESIGN 7). */ state: string,
/** What a person sees. */ shown: string,
/** Why, where it needs saying. */ error?: Failure | null,
/** Whether its first sync was finished. */ is_synced: boolean,
/** When everything was looked at last, where that is known. */ looked?: When | null,
/** Whether changes are waited for at the moment. */ is_watched: boolean,
/** Whether it waits for nothing but what a person may pass over by resuming it: a metered connection, a battery. */ can_go_on: boolean,
/** Items in step. */ items: number,
/** Holds that wait. */ held: number,
/** Conflicts that wait. */ conflicts: number,
/** Problems. */ problems: number,
/** Left out by filter or by nature. */ left_out: number,
/** How far the plan under way is. */ progress?: ProgressView | null,
/** Everything that is not in step, where it was asked for. */ not_in_step?: Array<ProblemView>, };

export type Panel = "dark" | "light";

export type Passphrase = {
/** As a person typed it. */ text: string, };

export type PauseSpan = "half_hour" | "hour" | "until_tomorrow" | "until_resumed";

export type PerSide<T> = {
/** The source's. */ source: T,
/** The destination's. */ destination: T, };

export type PictureView = {
/** `image/png`, `image/jpeg`, `image/gif` or `image/webp`. */ media_type: string,
/** In points. */ width: number,
/** In points. */ height: number,
/** Its bytes, in Base64. */ base64: string, };

export type Place = {
/** The page. */ page: Page,
/** A pair's or a storage's name; empty if the whole page was asked for. */ subject: string, };

export type PreviewView = {
/** The pair's name. */ name: string,
/** The actions in order; of very many, the first. */ actions: Array<ActionView>,
/** How many more there are. The sums count them. */ actions_left_out: number,
/** Sums. */ totals: TotalsView,
/** What would be held. */ held: Array<HeldView>,
/** What is left out. */ left_out: Array<ProblemView>,
/** What to look at before agreeing. */ warnings: Array<WarningView>,
/** Why there is no plan. */ error?: Failure | null, };

export type ProblemView = {
/** The side. */ side: Side,
/** Where that side is: a path, or `STORAGE:PATH`. */ place: string,
/** The path. */ path: string,
/** In one word. */ why: string,
/** In one sentence. */ message: string,
/** What to do. */ next_step: string,
/** Whether it counts as a problem. */ is_problem: boolean, };

export type ProfileSettings = {
/** How fast bytes may be sent, such as `4 MB`; nothing is no limit. */ send: string,
/** How fast they may be received. */ receive: string,
/** Lines that say from when on which limits hold instead. */ timetable: Array<string>,
/** Whether pairs that carry anything over the network wait while the connection is metered. */ pause_on_metered: boolean,
/** The percentage that a battery must be charged to; at 100 pairs wait on any battery, without a number on none. */ pause_on_battery_below: number | null,
/** This computer's name, which stands in conflict copies; nothing is the name that the system has for it. */ device: string,
/** For how many days new pairs keep older versions; not at all, if there is no number. */ version_days: number | null,
/** Patterns of what new pairs leave out. */ patterns: Array<string>, };

export type ProfileView = {
/** What was chosen. */ settings: ProfileSettings,
/** Bytes a second that are sent at most at the moment; without a number as many as can. */ sends_now: number | null,
/** The same of what is received. */ receives_now: number | null,
/** Whether this system can tell of metered connections and of batteries. */ tells_surroundings: boolean,
/** What stands in conflict copies that are made from now on. */ device_now: string,
/** The name that the system has for this computer. */ host: string,
/** Whether there is an encrypted file of secrets, which has its passphrase. */ has_secret_file: boolean, };

export type ProgressView = {
/** Actions done. */ actions_done: number,
/** Actions in all. */ actions_total: number,
/** Bytes carried. */ bytes_done: number,
/** Bytes in all. */ bytes_total: number,
/** Some of the files that are being carried. */ under_way: Array<string>,
/** How many files are being carried. */ under_way_count: number, };

export type RequestErrorView = {
/** When. */ at: When,
/** Why, in one word. */ cause: string,
/** What was being done. */ operation: string,
/** Why, in a sentence. */ message: string, };

export type SeenVersions = {
/** The source's. */ source: string | null,
/** The destination's. */ destination: string | null, };

export type Settings = {
/** Light or dark. */ appearance: Appearance,
/** The language. */ language: Language,
/** For which panel the tray's icon is drawn. */ panel: Panel,
/** Whether only the tray icon shows when it starts with the session. */ start_hidden: boolean,
/** Whether a notification says that something needs a person. */ notify_needs_you: boolean,
/** Whether one says that a first sync is finished. */ notify_first_sync: boolean,
/** Whether one says that a pair stopped. */ notify_stopped: boolean, };

export type SettingsView = {
/** What a person chose. */ settings: Settings,
/** Whether it starts with the session. */ autostart: boolean,
/** The program's version. */ version: string,
/** The profile's folder. */ profile: string, };

export type Side = "source" | "destination";

export type SignInAt = {
/** For which request. */ request: number,
/** The storage. */ storage: string,
/** Where. */ address: string,
/** Whether the browser was asked to open it; otherwise a person does. */ is_open: boolean, };

export type StepView = {
/** What was done. */ title: string,
/** How long it took, in milliseconds. */ ms: number,
/** Whether it worked. */ ok: boolean,
/** What it found, or why it did not work. */ outcome: string, };

export type StorageForm = {
/** Its name. */ name: string,
/** Its type. */ type: string,
/** Its values. */ values: { [key in string]: string },
/** Its secrets; of a storage that is changed, those that are new. */ secrets: { [key in string]: string },
/** Where its secrets are kept from now on; where they are, or where those of new storages are, if nothing is said. */ store: StoreKind | null, };

export type StorageView = {
/** Its uuid, which never changes. */ id: string,
/** Its name. */ name: string,
/** What a person calls it. */ label: string | null,
/** Its type. */ type: string,
/** Whether it is switched on. */ enabled: boolean,
/** What a person gave, besides secrets. */ config: { [key in string]: string },
/** The keys of its saved secrets. */ secrets: Array<string>,
/** Where they are kept. */ secret_store: StoreKind,
/** The pairs it belongs to. */ pairs: Array<string>,
/** When it was added. */ created: When | null,
/** When it was last changed. */ changed: When | null,
/** What holds on it by that. */ guarantees: Array<GuaranteeView>,
/** How it is, where it was used since the start. */ health?: HealthView | null,
/** How it was used, where it was. */ usage?: UsageView | null, };

export type StoreKind = "keyring" | "file";

export type SyncView = {
/** The pair's name. */ name: string,
/** Its state now. */ state: string,
/** What a person sees. */ shown: string,
/** The exit code it stands for. */ exit: number,
/** What to undo it by: `PAIR:NUMBER`. */ run: string | null,
/** Actions done. */ done: number,
/** Actions that did not work. */ failed: number,
/** Items found equal. */ adopted: number,
/** Conflicts that came up. */ conflicts: number,
/** Holds that wait. */ held: number,
/** Problems. */ problems: number,
/** Left out by filter or by nature. */ left_out: number,
/** Items in step. */ items: number,
/** Bytes carried to each side. */ bytes: PerSide<number>,
/** Why it stopped. */ error?: Failure | null, };

export type TestStep = {
/** The request that tests it, if it has a number. */ request: number | null,
/** The storage. */ storage: string,
/** Which step, and what it came to. */ step: StepView, };

export type TextPiece = {
/** Its text. */ text: string,
/** Whether it differs from the line beside it. */ differs: boolean,
/** Whether it stands for what cannot be seen, or for what is left out. */ is_sign: boolean, };

export type TotalsView = {
/** All actions that change a side. */ actions: number,
/** Of these, how many change each side. */ changes: PerSide<number>,
/** Files and folders to be made. */ creates: number,
/** Files whose content is replaced. */ replaces: number,
/** Moves. */ moves: number,
/** Deletes. */ deletes: number,
/** Conflicts. */ conflicts: number,
/** Items found equal. */ adopted: number,
/** Bytes to carry to each side. */ bytes: PerSide<number>,
/** Requests each side will see. */ requests: PerSide<number>,
/** Free bytes on each side. */ free: PerSide<number | null>, };

export type TypeView = {
/** The type's name. */ name: string,
/** The name a person knows it by. */ title: string,
/** The family it belongs to. */ family: string,
/** What a person gives. */ fields: Array<FieldView>,
/** The keys of the fields that a sign-in in the browser gives; none where there is no such sign-in. */ signs_in_for?: Array<string>, };

export type UsageView = {
/** Requests today, each try of one counted. */ requests_today: number,
/** Bytes of content sent today. */ sent_today: number,
/** Bytes of content received today. */ received_today: number,
/** When a request was last answered as it should be. */ last_success: When | null,
/** Tries that failed in the last day. */ errors_last_day: number,
/** The newest of them, newest first. */ newest_errors: Array<RequestErrorView>, };

export type VersionContent = {
/** Where it is; of a conflict that was kept as a copy, the source's is the copy. */ path: string,
/** Bytes. */ size: number,
/** When it was last changed. */ mtime: When | null,
/** Its revision. */ revision: string,
/** What it holds. */ kind: ContentKind,
/** The picture, if it is one. */ picture: PictureView | null, };

export type WarningView = {
/** In one sentence. */ message: string,
/** What to do. */ next_step: string, };

export type When = string;

/** What the page may ask for. */
export const commands = {
  /** How the pairs are. */
  overview: () => call<Overview>("overview", {  }),

  /** Makes a pair that begins paused, so that its plan can be looked at first. */
  addPair: (pair: NewPair) => call<string>("add_pair", { pair }),

  /** A pair as it is, to be changed. */
  pairForm: (name: string) => call<PairForm>("pair_form", { name }),

  /** Changes a pair. Where an end is another place, nothing is sent again if it holds what the old one held. */
  changePair: (name: string, form: PairForm) => call<null>("change_pair", { name, form }),

  /** Forgets a pair; the files on both sides stay. Answers with a sentence. */
  removePair: (name: string) => call<string>("remove_pair", { name }),

  /** Compares both sides of a pair anew, whose notes about its files are damaged. Answers with a sentence. */
  compareAnew: (name: string) => call<string>("compare_anew", { name }),

  /** Pauses pairs; all, if none is named. */
  pause: (names: Array<string>, span: PauseSpan) => call<null>("pause", { names, span }),

  /** Goes on with pairs; all, if none is named. */
  resume: (names: Array<string>) => call<null>("resume", { names }),

  /** One pass over pairs; all, if none is named. */
  syncNow: (names: Array<string>) => call<Array<SyncView>>("sync_now", { names }),

  /** What would be done for a pair. */
  preview: (name: string) => call<PreviewView>("preview", { name }),

  /** What holds for a pair, by what its ends can do. */
  guarantees: (name: string) => call<Array<GuaranteeView>>("guarantees", { name }),

  /** What is not in step, and why. */
  problems: (name: string) => call<Array<ProblemView>>("problems", { name }),

  /** Shows a pair's folder on this computer in the file manager. */
  showFolder: (name: string) => call<null>("show_folder", { name }),

  /** Asks for a folder on this computer; none if the person gave up. */
  chooseFolder: () => call<string | null>("choose_folder", {  }),

  /** The folder on this computer that a text names, if it is there and can be read. */
  localFolder: (text: string) => call<FolderView>("local_folder", { text }),

  /** What a folder holds. */
  listFolder: (at: Location) => call<Array<EntryView>>("list_folder", { at }),

  /** The types of storages. */
  storageTypes: () => call<Array<TypeView>>("storage_types", {  }),

  /** All storages. */
  storages: () => call<Array<StorageView>>("storages", {  }),

  /** One storage, with how it is now. */
  storage: (name: string) => call<StorageView>("storage", { name }),

  /** Adds a storage, if it passes its test; the steps come as events. The window gives such a request a number of its own, by which it can be cancelled. */
  addStorage: (form: StorageForm, request: number) => call<StorageView>("add_storage", { form, request }),

  /** Changes a storage, if it passes its test; the steps come as events. */
  changeStorage: (form: StorageForm, request: number) => call<StorageView>("change_storage", { form, request }),

  /** Tests a storage; the steps come as events too. */
  testStorage: (name: string) => call<Array<StepView>>("test_storage", { name }),

  /** Signs in to a storage anew by the browser, and tests it; the steps come as events. */
  signIn: (name: string, request: number) => call<StorageView>("sign_in", { name, request }),

  /** Opens the browser once more for a request that a person is to sign in for; whether that could be done. */
  openSignIn: (request: number) => call<boolean>("open_sign_in", { request }),

  /** Cancels a request: nothing more is done for it, and nothing saved. */
  cancel: (request: number) => call<null>("cancel", { request }),

  /** From now on the keys of new storages are kept in a file that this passphrase opens. Answers with a sentence. */
  keepInFile: (passphrase: Passphrase) => call<string>("keep_in_file", { passphrase }),

  /** Opens the saved passwords with their passphrase, until the program ends. Answers with a sentence. */
  unlock: (passphrase: Passphrase) => call<string>("unlock", { passphrase }),

  /** Switches a storage on or off. */
  enableStorage: (name: string, on: boolean) => call<StorageView>("enable_storage", { name, on }),

  /** Gives a storage another name. */
  renameStorage: (name: string, to: string) => call<StorageView>("rename_storage", { name, to }),

  /** Forgets a storage and its secrets; nothing on it is touched. Answers with a sentence. */
  removeStorage: (name: string) => call<string>("remove_storage", { name }),

  /** The newest lines of the journals, oldest first. */
  activity: (pair: string | null, limit: number) => call<LogLines>("activity", { pair, limit }),

  /** Why a path is as it is. */
  explain: (pair: string, path: string) => call<ExplainView>("explain", { pair, path }),

  /** Undoes an action. */
  undoAction: (id: string) => call<Array<SyncView>>("undo_action", { id }),

  /** Undoes a run. */
  undoRun: (id: string) => call<Array<SyncView>>("undo_run", { id }),

  /** Conflicts that wait. */
  conflicts: () => call<Array<ConflictView>>("conflicts", {  }),

  /** What both versions of a conflict hold. */
  compare: (id: string) => call<ComparisonView>("compare", { id }),

  /** Decides a conflict; only if its versions are those that were shown, where that is said. */
  resolve: (id: string, keep: KeepSide, seen: SeenVersions | null) => call<string>("resolve", { id, keep, seen }),

  /** What waits for a person. */
  held: () => call<Array<HeldView>>("held", {  }),

  /** One of them with each delete in it. */
  heldWhole: (hold: string) => call<HeldView>("held_whole", { hold }),

  /** Lets what is held pass. */
  approve: (hold: string) => call<string>("approve", { hold }),

  /** Does not let it pass. */
  reject: (hold: string, instead: Instead) => call<string>("reject", { hold, instead }),

  /** The program's own settings. */
  settings: () => call<SettingsView>("settings", {  }),

  /** Changes them; they hold at once. */
  changeSettings: (settings: Settings) => call<SettingsView>("change_settings", { settings }),

  /** Starts with the session, or not any more. */
  setAutostart: (on: boolean) => call<SettingsView>("set_autostart", { on }),

  /** The settings of all pairs. */
  profileSettings: () => call<ProfileView>("profile_settings", {  }),

  /** Changes them; they hold at once, also for what is under way. */
  changeProfileSettings: (settings: ProfileSettings) => call<ProfileView>("change_profile_settings", { settings }),

  /** How the program, the profile and the storages are. */
  doctor: () => call<DoctorView>("doctor", {  }),

  /** Saves a bundle for those who help, where a person says; none if the person gave up. */
  saveBundle: () => call<string | null>("save_bundle", {  }),
};

/** What the page is told. */
export interface Events {
  /** How the pairs are now. */
  overview: Overview;
  /** Lines of the journal that are new, oldest first. */
  actions: Array<LogView>;
  /** A step of a storage's test ended. */
  step: TestStep;
  /** A person is to sign in by the browser. */
  sign_in: SignInAt;
  /** A person asked for a page elsewhere, or for something on it: in the tray, or by a notification. */
  open: Place;
  /** A sentence about something that was asked for outside of the window. */
  said: string;
  /** A folder was dropped on the window: its path. */
  dropped: string;
}
