/** A person's program as it may look on some day: what the commands answer. */
import type {
  ActionView,
  ComparisonView,
  ConflictView,
  Failure,
  HeldView,
  LineRow,
  LogView,
  Overview,
  PairForm,
  PairSettings,
  PairStatus,
  PreviewView,
  ProfileView,
  SettingsView,
  StorageView,
  TypeView,
} from "../src/bridge/generated";
import { DUSK, NIGHT } from "./pictures";
import type { Answers } from "./program";

/** `minutes` ago. */
export function ago(minutes: number): string {
  return new Date(Date.now() - minutes * 60_000).toISOString();
}

/** What did not work, in words. */
export const FAILURE: Failure = {
  kind: "permanent",
  cause: "local_io",
  operation: null,
  storage: null,
  path: null,
  message: "Tandem’s notes about your files cannot be read.",
  next_step: "Look whether the disk is connected.",
  detail: "Input/output error (os error 5)",
};

/** What the pairs say without a network. */
export const OFFLINE: Failure = {
  ...FAILURE,
  kind: "transient",
  cause: "offline",
  message: "No network.",
  next_step: "You can go on working; changes are noted and will be sent in order.",
  detail: null,
};

export function pair(name: string, part: Partial<PairStatus> = {}): PairStatus {
  return {
    id: `id-${name}`,
    name,
    source: `/home/noor/${name}`,
    destination: `attic:${name}`,
    state: "in_step",
    shown: "In step",
    error: null,
    is_synced: true,
    looked: ago(2),
    is_watched: true,
    can_go_on: false,
    items: 4118,
    held: 0,
    conflicts: 0,
    problems: 0,
    left_out: 0,
    progress: null,
    not_in_step: [],
    ...part,
  };
}

export const PAIRS: PairStatus[] = [
  pair("archive", { source: "/home/noor/Pictures/Archive", destination: "attic:photo-archive", state: "held", shown: "Needs you", held: 1, items: 12_480 }),
  pair("family", {
    source: "/home/noor/Documents/Family",
    destination: "cloud:/Family",
    state: "stopped",
    shown: "Stopped",
    error: { ...FAILURE, kind: "transient", cause: "server", message: "cloud answers with errors.", next_step: "12 changes wait; next try at 14:38." },
  }),
  pair("client-work", {
    source: "/home/noor/Work/Clients",
    destination: "attic:clients",
    state: "syncing",
    shown: "Syncing, 33%",
    conflicts: 2,
    progress: {
      actions_done: 1204,
      actions_total: 3870,
      bytes_done: 2_100_000_000,
      bytes_total: 6_400_000_000,
      under_way: ["Interviews/Interview master – final mix with room tone (take 3).wav", "Interviews/Notes.md", "Masters/Opening, second cut.mov"],
      under_way_count: 8,
    },
  }),
  pair("samples", { source: "/media/noor/T7/Samples", destination: "nas:samples", state: "paused", shown: "Paused until 15:30", items: 930 }),
  pair("notes", { source: "/home/noor/Notes", destination: "cloud:/Notes" }),
  pair("research", { source: "/home/noor/Research/Полевые данные", destination: "attic:kyoto-field-data/2019–2026", items: 100_412 }),
];

export function overview(pairs: PairStatus[], heading: string, part: Partial<Overview> = {}): Overview {
  return { heading, pairs, owner: null, failure: null, is_known: true, ...part };
}

export function line(n: number, part: Partial<LogView> = {}): LogView {
  return {
    id: `client-work:${n}`,
    run: "client-work:1",
    pair: "client-work",
    at: ago(3),
    outcome: "done",
    error: null,
    undoable: true,
    kind: "create",
    side: "destination",
    path: `Reports/${n}.pdf`,
    to: null,
    bytes: 1_900_000,
    why: "new",
    reason: "It is new on this computer.",
    ...part,
  };
}

export const LINES: LogView[] = [
  line(1, { run: "notes:1", pair: "notes", id: "notes:1", path: "Garden/Seeds to order.md", at: ago(1500), bytes: 2_400, side: "source", reason: "It was edited on cloud." }),
  line(2, { run: "notes:1", pair: "notes", id: "notes:2", path: "Garden/old list.md", at: ago(1500), kind: "delete", bytes: 0, reason: "It was deleted on this computer." }),
  line(3, { path: "Interviews/Interview master – final mix with room tone (take 3).wav", bytes: 862_000_000 }),
  line(4, { path: "Contracts/مسودة العقد النهائية ٢٠٢٦.docx", bytes: 5_000_000, kind: "replace", reason: "It was edited on this computer." }),
  line(5, { path: "Tokyo/Отчёт за год для Киото_исправленный.indd", bytes: 734_000_000, side: "source", reason: "It is new on attic." }),
  line(6, { path: "Reports/Q3.pdf", to: "Reports/2026/Q3.pdf", kind: "move", bytes: 0, reason: "It was moved on this computer." }),
  line(7, { path: "Reports/2026", kind: "create_folder", bytes: 0 }),
  line(8, { path: "Reports/locked.xlsx", outcome: "failed", error: "The file keeps changing; it is sent once it rests.", undoable: false }),
];

function entry(path: string, size: number, minutes: number) {
  return { path, kind: "file", size, mtime: ago(minutes), revision: "r" };
}

export const CONFLICTS: ConflictView[] = [
  {
    id: "client-work:c1",
    pair: "client-work",
    path: "Reports/Budget 2027.md",
    copy: "Reports/Budget 2027 (conflict 2026-11-20 140205 atlas-7f3a).md",
    is_settled: false,
    kind: "both_changed",
    message: "Both sides changed.",
    sides: { source: entry("Reports/Budget 2027.md", 48_200, 30), destination: entry("Reports/Budget 2027.md", 51_900, 24) },
    since: ago(20),
  },
  {
    id: "client-work:c2",
    pair: "client-work",
    path: "Contracts/Terms.md",
    copy: null,
    is_settled: false,
    kind: "changed_and_deleted",
    message: "Changed here, deleted on attic. The changed file is kept.",
    sides: { source: entry("Contracts/Terms.md", 9_100, 90), destination: null },
    since: ago(80),
  },
];

function pieces(text: string) {
  return text.split(/(\[[^\]]*\])/).filter(Boolean).map((part) => (part.startsWith("[") ? { text: part.slice(1, -1), differs: true, is_sign: false } : { text: part, differs: false, is_sign: false }));
}

/** A row of two lines; what stands in brackets differs. */
export function row(number: number, source: string | null, destination: string | null = source): LineRow {
  const side = (text: string | null) => (text === null ? null : { number, pieces: pieces(text), ends: true });
  return { source: side(source), destination: side(destination), equal: 0, differs: source !== destination };
}

const held = (path: string, size: number, minutes: number, revision: string) => ({ path, size, mtime: ago(minutes), revision, kind: "text" as const, picture: null });

/** Two texts. */
export const TEXTS: ComparisonView = {
  id: "client-work:c1",
  versions: {
    source: held("Reports/Budget 2027 (conflict 2026-11-20 140205 atlas-7f3a).md", 12_400, 30, "r1"),
    destination: held("Reports/Budget 2027.md", 12_600, 24, "r2"),
  },
  lines: {
    rows: [
      row(11, "## Scope"),
      row(12, ""),
      row(13, "Twelve [audio stations] in three", "Twelve [listening points] in three"),
      row(14, "languages, open to the public from"),
      row(15, "1[] March 2027.", "1[5] March 2027."),
      { source: null, destination: null, equal: 38, differs: false },
      row(54, "Total: 4[8,2]00 EUR", "Total: 4[9,9]00 EUR"),
      row(55, null, "Travel is included."),
      row(56, "Valid until the end of the year."),
    ],
    rows_left_out: 0,
    differing: 3,
    only_source: 0,
    only_destination: 1,
    draft: "one\nof this computer\nof attic\n",
    crlf: false,
  },
};

/** Two pictures. */
export const PICTURES: ComparisonView = {
  id: "client-work:c1",
  versions: {
    source: { ...held("Print/Poster A2 blue hour (conflict 2026-11-20 140205 atlas-7f3a).png", 8_400, 30, "r1"), kind: "picture", picture: { media_type: "image/png", width: 160, height: 120, base64: DUSK } },
    destination: { ...held("Print/Poster A2 blue hour.png", 9_100, 24, "r2"), kind: "picture", picture: { media_type: "image/png", width: 160, height: 120, base64: NIGHT } },
  },
  lines: null,
};

export function action(n: number, part: Partial<ActionView> = {}): ActionView {
  return {
    kind: "delete",
    side: "destination",
    path: `2019/Kyoto/DSC_${4000 + n}.jpg`,
    to: null,
    bytes: 0,
    why: "deleted",
    reason: "It was deleted on this computer.",
    ...part,
  };
}

export const HELD: HeldView[] = [
  {
    id: "archive:h1",
    pair: "archive",
    guard: "mass_delete",
    message: "1,842 of 12,480 files would be deleted from attic. Nothing has been changed.",
    next_step: "Look at the list, then delete them or bring them back.",
    whole_pair: false,
    evidence: { deletes: "1842", base_items: "12480", side: "destination" },
    count: 1842,
    since: ago(12),
    actions: Array.from({ length: 1000 }, (_, n) => action(n)),
  },
];

export function storage(name: string, part: Partial<StorageView> = {}): StorageView {
  return {
    id: `id-${name}`,
    name,
    label: null,
    type: "s3",
    enabled: true,
    config: { bucket: "photo-archive", region: "eu-west-1" },
    secrets: ["access_key_id", "secret_access_key"],
    secret_store: "keyring",
    pairs: ["archive", "client-work"],
    created: ago(90_000),
    changed: null,
    guarantees: [],
    health: { state: "ok", shown: "Works, 38 ms", latency_ms: 38, last_error: null, used: null, total: null },
    usage: {
      requests_today: 18_204,
      sent_today: 31_000_000_000,
      received_today: 2_200_000_000,
      last_success: ago(0),
      errors_last_day: 3,
      newest_errors: [
        { at: ago(17), cause: "server", operation: "commit", message: `${name} answers with errors.` },
        { at: ago(46), cause: "offline", operation: "list", message: `${name} does not answer.` },
      ],
    },
    ...part,
  };
}

export const STORAGES: StorageView[] = [
  storage("attic"),
  storage("cloud", {
    type: "webdav",
    config: { url: "https://cloud.example.org/remote.php/dav/files/noor", user: "noor" },
    secrets: ["password"],
    pairs: ["family", "notes"],
    health: { state: "offline", shown: "Offline", latency_ms: null, last_error: "503", used: 61_000_000_000, total: 100_000_000_000 },
  }),
  storage("nas", { type: "webdav", enabled: false, config: { url: "https://nas.local/dav" }, secrets: ["password"], pairs: ["samples"], health: null }),
];

const field = (key: string, label: string, help: string, part: object = {}) => ({
  key,
  label,
  kind: "text",
  choices: [],
  required: true,
  secret: false,
  help,
  default: null,
  ...part,
});

const S3_FIELDS = [
  field("bucket", "Bucket", "The name of the bucket."),
  field("region", "Region", "Such as eu-west-1.", { required: false, default: "us-east-1" }),
  field("access_key_id", "Access key", "The id of the key.", { secret: true }),
  field("secret_access_key", "Secret key", "The secret that belongs to it.", { secret: true }),
  field("versions", "Keep versions", "Keeps what edits replace, by copying.", { kind: "switch", required: false, default: "false" }),
];

export const TYPES: TypeView[] = [
  { name: "local", title: "This computer", family: "local", fields: [] },
  { name: "s3", title: "Amazon S3", family: "s3", fields: S3_FIELDS },
  { name: "s3-compatible", title: "Another service that speaks S3", family: "s3", fields: [field("endpoint", "Endpoint", "Such as https://s3.example.org", { kind: "url" }), ...S3_FIELDS] },
  {
    name: "webdav",
    title: "WebDAV",
    family: "webdav",
    fields: [
      field("url", "Address", "Of the folder.", { kind: "url" }),
      field("username", "User name", "The name.", { required: false }),
      field("password", "Password", "It is kept in the keyring.", { secret: true, required: false }),
      field("timeout", "Patience", "Seconds.", { kind: "number", required: false, default: "30" }),
    ],
  },
  {
    name: "nextcloud",
    title: "Nextcloud",
    family: "webdav",
    fields: [
      field("url", "Address", "Of the server.", { kind: "url" }),
      field("username", "User", "The name."),
      field("password", "App password", "Made in the security settings.", { secret: true }),
    ],
    signs_in_for: ["username", "password"],
  },
];

export const PREVIEW: PreviewView = {
  name: "pictures",
  actions: [
    action(1, { kind: "create_folder", path: "2026", reason: "It is new on this computer." }),
    ...Array.from({ length: 40 }, (_, n) => action(n, { kind: "create", path: `2026/DSC_${4000 + n}.jpg`, bytes: 6_200_000 + n * 1000, reason: "It is new on this computer." })),
    action(50, { kind: "create", side: "source", path: "From phone/IMG_0001.heic", bytes: 3_100_000, reason: "It is new on attic." }),
  ],
  actions_left_out: 0,
  totals: {
    actions: 42,
    changes: { source: 1, destination: 41 },
    creates: 42,
    replaces: 0,
    moves: 0,
    deletes: 0,
    conflicts: 0,
    adopted: 318,
    bytes: { source: 3_100_000, destination: 248_780_000 },
    requests: { source: 0, destination: 84 },
    free: { source: 210_000_000_000, destination: null },
  },
  held: [],
  left_out: [],
  warnings: [],
  error: null,
};

export const SETTINGS: SettingsView = {
  settings: { appearance: "system", language: "en", panel: "dark", start_hidden: true, notify_needs_you: true, notify_first_sync: true, notify_stopped: true },
  autostart: true,
  version: "0.1.0",
  profile: "/home/noor/.config/tandem",
};

export const PROFILE: ProfileView = {
  settings: { send: "4 MB", receive: "", timetable: ["mon-fri 08:00 500kB:2MB", "mon-fri 18:00 off"], pause_on_metered: true, pause_on_battery_below: null, device: "", version_days: 14, patterns: ["*.iso"] },
  sends_now: 500_000,
  receives_now: null,
  tells_surroundings: true,
  device_now: "atlas-7f3a",
  host: "atlas",
  has_secret_file: false,
};

export const PAIR_SETTINGS: PairSettings = {
  mode: "two-way",
  conflict: "keep-both",
  first_sync: "merge",
  patterns: ["*.iso", "build/"],
  junk_out: true,
  hidden: true,
  chosen: [],
  largest: null,
  oldest: null,
  version_days: 30,
  upload: null,
  download: null,
};

export const PAIR_FORM: PairForm = { name: "notes", source: "/home/me/Notes", destination: "cloud:/Notes", settings: PAIR_SETTINGS };

/** Everything answered, on an eventful day. */
export const DAY: Answers = {
  overview: { ok: overview(PAIRS, "1 pair needs you, 1 has stopped") },
  activity: { ok: { lines: LINES, older_left_out: true } },
  conflicts: { ok: CONFLICTS },
  compare: { ok: TEXTS },
  held: { ok: HELD },
  storages: { ok: STORAGES },
  storage_types: { ok: TYPES },
  settings: { ok: SETTINGS },
  profile_settings: { ok: PROFILE },
  change_profile_settings: { ok: PROFILE },
  pair_form: { ok: PAIR_FORM },
  explain: {
    ok: {
      pair: "client-work",
      path: "Reports/7.pdf",
      state: "in_step",
      message: "Both sides have the same content.",
      rule: null,
      base: { source: null, destination: null },
      seen: { source: entry("x", 5_000_000, 9), destination: entry("x", 5_000_000, 9) },
      equality: "hash",
      next: [],
      history: [],
    },
  },
  local_folder: { ok: { path: "/home/noor/Pictures", entries: 360 } },
  list_folder: { ok: ["2024", "2025", "From phone"].map((name) => ({ name, kind: "folder", size: 0, mtime: null, why: null })) },
  add_pair: { ok: "pictures" },
  guarantees: {
    ok: [
      { holds: true, message: "Nothing that was not seen is overwritten: attic keeps conditions on writing." },
      { holds: true, message: "What an edit replaces is kept for 30 days." },
      { holds: false, message: "attic shows no times of files changed by other programs; only their content is compared." },
    ],
  },
  preview: { ok: PREVIEW },
  sync_now: { ok: [] },
  remove_pair: { ok: "pictures was removed." },
  resolve: { ok: "Both versions were kept." },
  approve: { ok: "The plan is carried out." },
  reject: { ok: "The files are brought back." },
  doctor: {
    ok: {
      checks: [
        { name: "profile", ok: true, message: "The profile can be read and written.", next_step: "" },
        { name: "keyring", ok: false, message: "The keyring is locked.", next_step: "Unlock it, then syncing starts by itself." },
      ],
      bundle: null,
      names: false,
    },
  },
  save_bundle: { ok: "/home/noor/tandem-bundle.tar" },
};

/** A program that was just installed. */
export const FIRST_DAY: Answers = {
  ...DAY,
  overview: { ok: overview([], "Keep two folders in step") },
  activity: { ok: { lines: [], older_left_out: false } },
  conflicts: { ok: [] },
  held: { ok: [] },
  storages: { ok: [] },
};
