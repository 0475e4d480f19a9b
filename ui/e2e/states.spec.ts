// Each page in each state: what a person reads, and that nobody is kept out.
import { expect } from "@playwright/test";
import { expectAccessible } from "./axe";
import { test, type Answers } from "./program";
import { CONFLICTS, DAY, FAILURE, FIRST_DAY, HELD, LINES, OFFLINE, PAIRS, PAIR_FORM, PAIR_SETTINGS, PREVIEW, ago, line, overview, pair, storage } from "./samples";

/** By the page: what it asks for, its heading on an eventful day, and its heading without anything. */
const PAGES = [
  { at: "overview", command: "overview", full: "1 pair needs you, 1 has stopped", empty: "Keep two folders in step" },
  { at: "activity", command: "activity", full: "Activity", empty: "Nothing was carried yet" },
  { at: "conflicts", command: "conflicts", full: "2 conflicts", empty: "No conflicts" },
  { at: "held", command: "held", full: "archive waits for you", empty: "Nothing waits for you" },
  { at: "storages", command: "storages", full: "Storages", empty: "No storages yet" },
  { at: "settings", command: "settings", full: "Settings", empty: "Settings" },
] as const;

for (const { at, command, full, empty } of PAGES) {
  test.describe(at, () => {
    test("on an eventful day", async ({ page, start }) => {
      await start(DAY, at);
      await expect(page.getByRole("heading", { level: 1 })).toHaveText(full);
      await expectAccessible(page);
    });

    test("without anything", async ({ page, start }) => {
      await start(FIRST_DAY, at);
      await expect(page.getByRole("heading", { level: 1 })).toHaveText(empty);
      await expectAccessible(page);
    });

    test("while it waits", async ({ page, start }) => {
      await start({ ...DAY, [command]: "never" }, at);
      await expect(page.getByRole("status").filter({ hasText: "Loading" })).toBeAttached();
      await expect(page.locator(".skel").first()).toBeVisible();
      await expectAccessible(page);
    });

    test("when it cannot be had", async ({ page, start }) => {
      await start({ ...DAY, [command]: { failure: FAILURE } }, at);
      const said = page.getByRole("alert");
      await expect(said).toContainText(FAILURE.message);
      await expect(said).toContainText(FAILURE.next_step);
      // What the system said is there for those who ask for it.
      await expect(page.getByText("os error 5")).toBeHidden();
      await said.getByText("Show the server’s answer").click();
      await expect(page.getByText("os error 5")).toBeVisible();
      await expectAccessible(page);
    });

    test("offline", async ({ page, start }) => {
      const waiting = PAIRS.map(({ name }) => pair(name, { state: "waiting", shown: "Waits for the network", error: OFFLINE }));
      await start({ ...DAY, overview: { ok: overview(waiting, "Waits for the network") }, list_folder: { failure: OFFLINE } }, at);
      await expect(page.getByRole("heading", { level: 1 })).toHaveText(at === "overview" ? "Waits for the network" : full);
      await expectAccessible(page);
    });
  });
}

test("a failure of everything stands above each page, and goes when it is over", async ({ page, start }) => {
  const failure = { ...FAILURE, message: "The profile folder cannot be written to." };
  const program = await start({ ...DAY, overview: { ok: overview([], failure.message, { failure, is_known: false }) } });
  for (const name of ["Overview", "Activity", "Conflicts", "Held plans", "Storages", "Settings"]) {
    await page.getByRole("link", { name: new RegExp(`^${name}`) }).click();
    await expect(page.getByRole("alert").filter({ hasText: failure.message })).toBeVisible();
  }
  await program.tell("overview", overview(PAIRS, "1 pair needs you, 1 has stopped"));
  await expect(page.getByRole("alert").filter({ hasText: failure.message })).toBeHidden();
});

test("another Tandem that uses the profile is named", async ({ page, start }) => {
  await start({ ...DAY, overview: { ok: overview(PAIRS, "1 pair needs you", { owner: 4242 }) } });
  await expect(page.getByText("Another Tandem uses this profile (process 4242)")).toBeVisible();
  await expectAccessible(page);
});

test("damaged notes are said with what stays safe, and both sides are compared again when asked", async ({ page, start }) => {
  const error = { ...FAILURE, cause: "damaged_state", message: "Tandem's notes about the files of notes are damaged.", next_step: "Your files are not affected." };
  const stopped = [pair("notes", { state: "stopped", shown: "Stopped", error })];
  const program = await start({ ...DAY, overview: { ok: overview(stopped, "1 pair has stopped") }, compare_anew: { ok: "Both sides of notes are compared again; nothing is deleted." } });
  await expect(page.getByRole("article", { name: "notes" })).toContainText(`${error.message} ${error.next_step}`);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Compare both sides again" }).click();
  expect(await program.waitForCall("compare_anew")).toEqual({ name: "notes" });
  await expect(page.getByText("nothing is deleted")).toBeVisible();
});

test("a passphrase is asked for where one is missing, goes to the program once, and a slip is a sentence", async ({ page, start }) => {
  const error = { ...FAILURE, cause: "no_passphrase", message: "The saved passwords are locked with a passphrase.", next_step: "Type it on the page Overview." };
  const waits = [pair("notes", { state: "sign_in", shown: "Needs you", error })];
  const wrong = { ...FAILURE, cause: "wrong_passphrase", message: "This is not the passphrase of the saved passwords." };
  const program = await start({ ...DAY, overview: { ok: overview(waits, "1 pair needs you") }, unlock: { failure: wrong } });
  const field = page.getByLabel("Passphrase");
  await expect(field).toHaveAttribute("type", "password");
  await expectAccessible(page);
  await field.fill("incorrect horse");
  await field.press("Enter");
  expect(await program.waitForCall("unlock")).toEqual({ passphrase: { text: "incorrect horse" } });
  await expect(page.getByText(wrong.message)).toBeVisible();
  await expect(field).toHaveValue("");
  await expectAccessible(page);
  await program.answer({ unlock: { ok: "The saved passwords are open." } });
  await field.fill("correct horse");
  await page.getByRole("button", { name: "Unlock" }).click();
  await expect(page.getByText("The saved passwords are open.")).toBeVisible();
  await program.tell("overview", overview([pair("notes", {})], "Your pair is in step"));
  await expect(field).toHaveCount(0);
});

test("what was asked for outside of the window is said in it", async ({ page, start }) => {
  const program = await start(DAY);
  await program.tell("said", "No sign-in waits for this link. <b>Nothing</b> was done.");
  await expect(page.getByText("<b>Nothing</b> was done.")).toBeVisible();
  await expectAccessible(page);
});

test("figures age by themselves: a stalled transfer has no speed, and a moment ago is longer ago", async ({ page, start }) => {
  await page.clock.install({ time: new Date("2026-11-20T12:00:00Z") });
  await page.clock.pauseAt(new Date("2026-11-20T12:00:10Z"));
  const at = (bytes_done: number) =>
    overview([pair("notes", { state: "syncing", shown: "Syncing", looked: "2026-11-20T12:00:00Z", progress: { actions_done: 1, actions_total: 9, bytes_done, bytes_total: 900_000_000, under_way: [], under_way_count: 0 } })], "1 syncing");
  const program = await start({ ...DAY, overview: { ok: at(0) } });
  const card = page.getByRole("article", { name: "notes" });
  await expect(card).toContainText("10 s ago");
  await page.clock.runFor(1_000);
  await program.tell("overview", at(3_000_000));
  await expect(card).toContainText("3.0 MB/s");
  await expect(card).toContainText("about 5 min left");
  await page.clock.runFor(8_000);
  await expect(card).not.toContainText("MB/s");
  await expect(card).not.toContainText("min left");
  await expect(card).toContainText(/1[89] s ago/);
  await program.tell("overview", at(1_200_000_000));
  await page.clock.runFor(600);
  await program.tell("overview", at(1_300_000_000));
  await expect(card).toContainText("1.3 GB of 1.3 GB");
  await expect(card).not.toContainText("min left");
});

test("what was chosen for a pair is shown and changed", async ({ page, start }) => {
  const program = await start(DAY);
  await page.getByRole("button", { name: "More for notes" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("notes");
  await expectAccessible(page);
  await page.getByRole("radio", { name: "Mirror to cloud:/Notes" }).check({ force: true });
  await expect(page.getByRole("status").filter({ hasText: "is made equal to" })).toBeVisible();
  await page.getByRole("button", { name: "Save changes" }).click();
  expect(await program.waitForCall("change_pair")).toMatchObject({ name: "notes", form: { name: "notes", settings: { mode: "source-to-destination" } } });
});

test("under More a pair gets limits of its own, and one that was chosen elsewhere stands among them", async ({ page, start }) => {
  const program = await start({ ...DAY, pair_form: { ok: { ...PAIR_FORM, settings: { ...PAIR_SETTINGS, upload: 123_000, largest: 4_000_000_000 } } } });
  await page.getByRole("button", { name: "More for notes" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  await expect(page.getByText("Files larger than 4.0 GB are left out.")).toBeVisible();
  await page.getByText("More", { exact: true }).click();
  await expect(page.getByLabel("Speed to cloud")).toHaveValue("123000");
  // Its first sync is over: nothing is chosen for it any more.
  await expect(page.getByLabel("In the first sync")).toHaveCount(0);
  await page.getByLabel("Large files").selectOption("Leave out above 100 MB");
  await page.getByLabel("Speed from cloud").selectOption("at most 2.0 MB/s");
  await page.getByLabel("Speed to cloud").selectOption("No limit");
  await expect(page.getByText("Files larger than 100 MB are left out.")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Save changes" }).click();
  expect(await program.waitForCall("change_pair")).toEqual({
    name: "notes",
    form: { ...PAIR_FORM, settings: { ...PAIR_SETTINGS, largest: 100_000_000, upload: null, download: 2_000_000 } },
  });
});

test("what a pair leaves out is said in a sentence: hidden and old files, all but some subfolders", async ({ page, start }) => {
  const program = await start({ ...DAY, pair_form: { ok: { ...PAIR_FORM, settings: { ...PAIR_SETTINGS, oldest: 12 * 3600 } } } });
  await page.getByRole("button", { name: "More for notes" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  const sentence = page.getByRole("status").filter({ hasText: "not changed for" });
  await expect(sentence).toContainText("Files that were not changed for 12 hours are left out.");
  await page.getByRole("checkbox", { name: "Hidden files" }).check();
  await page.getByText("More", { exact: true }).click();
  await page.getByLabel("Only these subfolders").fill("Photos/2026\n\nLetters\n");
  await page.keyboard.press("Tab");
  await page.getByLabel("Old files").selectOption("Leave out after 30 days");
  await expect(sentence).toContainText("Only these subfolders are carried: Photos/2026, Letters. Hidden files are left out. Files that were not changed for 30 days are left out.");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Save changes" }).click();
  const settings = { ...PAIR_SETTINGS, hidden: false, chosen: ["Photos/2026", "Letters"], oldest: 30 * 86_400 };
  expect(await program.waitForCall("change_pair")).toEqual({ name: "notes", form: { ...PAIR_FORM, settings } });
});

test("a pair gets another name, and is told where a folder was moved", async ({ page, start }) => {
  const program = await start(DAY);
  await page.getByRole("button", { name: "More for notes" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  await page.getByText("Name and places").click();
  await expect(page.getByLabel("Other folder")).toHaveValue("cloud:/Notes");
  await page.getByLabel("Name", { exact: true }).fill("memos");
  await page.getByLabel("Folder", { exact: true }).fill("~/Memos");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Save changes" }).click();
  expect(await program.waitForCall("change_pair")).toEqual({ name: "notes", form: { ...PAIR_FORM, name: "memos", source: "~/Memos" } });
  await expect(page.getByText("memos was changed.")).toBeVisible();
});

test("removing a pair says what stays, and the button that changes nothing has the focus", async ({ page, start }) => {
  const program = await start(DAY);
  await page.getByRole("button", { name: "More for notes" }).click();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  const dialog = page.getByRole("dialog", { name: "Remove the pair “notes”?" });
  await expect(dialog).toContainText("4,118 items stay in /home/noor/Notes.");
  await expect(dialog.getByRole("button", { name: "Keep the pair" })).toBeFocused();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Keep the pair" }).click();
  await expect(dialog).toBeHidden();
  expect(await program.asked("remove_pair")).toEqual([]);
});

test("what is undone is the line that was pressed, whatever comes above it meanwhile", async ({ page, start }) => {
  const program = await start({ ...DAY, undo_action: { ok: [] } }, "activity");
  const first = page.getByRole("row", { name: /Reports.*2026/ }).first();
  const undo = first.getByRole("button", { name: /^Undo/ });
  const name = await undo.getAttribute("aria-label");
  const box = await undo.boundingBox();
  await page.mouse.move((box?.x ?? 0) + 5, (box?.y ?? 0) + 5);
  await page.mouse.down();
  await program.tell("actions", [line(20, { path: "Elsewhere/first.txt" }), line(21, { path: "Elsewhere/second.txt" })]);
  await expect(page.getByText("2 new ones are listed once you leave the list")).toBeVisible();
  await page.mouse.up();
  expect(name).toBe("Undo: 2026");
  expect(await program.waitForCall("undo_action")).toEqual({ id: "client-work:7" });
  await expect(page.getByRole("row", { name: /second\.txt/ })).toHaveCount(0);
  await expectAccessible(page);
  await page.mouse.move(5, 5);
  await page.getByRole("searchbox").focus();
  await expect(page.getByRole("row", { name: /second\.txt/ })).toBeVisible();
});

test("the reason that is shown stays that of the chosen line when others come above it", async ({ page, start }) => {
  const program = await start(DAY, "activity");
  const why = page.getByRole("complementary", { name: "Why" });
  await page.getByRole("row", { name: /Q3\.pdf/ }).click();
  await expect(why).toContainText("It was moved on this computer.");
  await page.mouse.move(5, 5);
  await page.getByRole("searchbox").focus();
  await program.tell("actions", [line(20, { path: "Elsewhere/first.txt", reason: "Another reason." })]);
  await expect(page.getByRole("row", { name: /first\.txt/ })).toBeVisible();
  await expect(why).toContainText("It was moved on this computer.");
  await expect(page.getByRole("row", { name: /Q3\.pdf/ })).toHaveAttribute("aria-current", "true");
});

test("why a line is there stands beside it, and undoing a run shows what it takes back", async ({ page, start }) => {
  const program = await start(DAY, "activity");
  await page.getByRole("row", { name: /Q3\.pdf/ }).click();
  await expect(page.getByRole("complementary", { name: "Why" })).toContainText("It was moved on this computer.");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Undo run" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Undo this run?" });
  await expect(dialog).toContainText("Reports/Q3.pdf");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Undo run" }).click();
  expect(await program.waitForCall("undo_run")).toEqual({ id: "client-work:1" });
});

test("a search that finds nothing says so and can be cleared", async ({ page, start }) => {
  await start(DAY, "activity");
  await page.getByRole("searchbox").fill("zebra");
  await expect(page.getByText("Nothing matches zebra.")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Clear search" }).click();
  await expect(page.getByRole("row", { name: /Q3\.pdf/ })).toBeVisible();
});

test("a search that finds nothing among the newest goes on to older ones", async ({ page, start }) => {
  const old = line(0, { id: "client-work:0", path: "Old/zebra.txt", at: ago(50_000) });
  const program = await start({ ...DAY, activity: { by: "limit", answers: { "1000": DAY.activity!, "100000": { ok: { lines: [old, ...LINES], older_left_out: true } } } } }, "activity");
  await page.getByRole("searchbox").fill("zebra");
  await expect(page.getByText("Nothing matches zebra.")).toBeVisible();
  await page.getByRole("button", { name: "Search older actions as well" }).click();
  await expect(page.getByRole("row", { name: /zebra\.txt/ })).toBeVisible();
  // What is not reached even so is said, and how to come nearer.
  await expect(page.getByText("These are the newest 100,000 actions. Choose a pair")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("combobox", { name: "Pair" }).selectOption("client-work");
  await expect.poll(async () => (await program.asked("activity")).at(-1)).toEqual({ pair: "client-work", limit: 100_000 });
  await page.getByRole("searchbox").fill("");
  await page.getByRole("combobox", { name: "Pair" }).selectOption("samples");
  await expect(page.getByText("Nothing matches what you chose.")).toBeVisible();
  await expectAccessible(page);
});

test("what a held plan would do is listed, and each decision is a button that names it", async ({ page, start }) => {
  const program = await start(DAY, "held");
  await expect(page.getByText("1,842 of 12,480 files would be deleted from attic.")).toBeVisible();
  await expect(page.getByText("Look at the list, then delete them or bring them back.")).toBeVisible();
  await expect(page.getByText("842 more are not listed")).toBeAttached();
  await page.keyboard.press("Enter");
  expect(await program.asked("approve")).toEqual([]);
  await page.getByRole("button", { name: "Delete 1,842 files" }).click();
  expect(await program.waitForCall("approve")).toEqual({ hold: "archive:h1" });
});

test("what the guard compared is told in words", async ({ page, start }) => {
  const [hold] = HELD;
  const program = await start(DAY, "held");
  const facts = page.locator(".kv");
  await expect(page.getByRole("heading", { name: "What Tandem checked" })).toBeVisible();
  for (const text of ["Where", "attic", "Would be deleted", "1,842", "Files in step before", "12,480"]) {
    await expect(facts).toContainText(text);
  }
  const full = { ...hold!, id: "archive:h2", guard: "free_space", whole_pair: true, evidence: { side: "source", free: "1200000000", needed: "6400000000", later: "<b>7</b>" } };
  await program.answer({ held: { ok: [full] } });
  await page.getByRole("link", { name: "Overview" }).click();
  await page.getByRole("link", { name: /^Held plans/ }).click();
  for (const text of ["/home/noor/Pictures/Archive", "Needed", "6.4 GB", "Free", "1.2 GB", "<b>7</b>"]) {
    await expect(facts).toContainText(text);
  }
  await expectAccessible(page);
});

test("a plan that comes while another is looked at is not decided in its place", async ({ page, start }) => {
  const [hold] = HELD;
  const other = { ...hold!, id: "notes:h9", pair: "notes", message: "Another plan.", count: 3, actions: hold!.actions.slice(0, 3) };
  const program = await start({ ...DAY, held: { ok: [hold, { ...other, id: "notes:h8" }] } }, "held");
  const remove = page.getByRole("button", { name: "Delete 1,842 files" });
  await expect(remove).not.toHaveAttribute("aria-disabled", "true");
  const told = (held: number) => program.tell("overview", overview(PAIRS.map((one) => ({ ...one, held: one.name === "archive" ? held : 0 })), "needs you"));
  // Another one comes before it: what is looked at stays.
  await program.answer({ held: { ok: [other, hold] } });
  await told(3);
  await expect(page.getByText("2 of 2")).toBeVisible();
  await expect(remove).toBeVisible();
  // It is decided elsewhere: nothing else stands under its button.
  await program.answer({ held: { ok: [other] } });
  await told(2);
  await expect(page.getByRole("heading", { name: "This plan no longer waits" })).toBeVisible();
  await expect(page.getByRole("button", { name: /^Delete/ })).toHaveCount(0);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Next" }).click();
  const three = page.getByRole("button", { name: "Delete 3 files" });
  await expect(three).not.toHaveAttribute("aria-disabled", "true");
  await three.click();
  expect(await program.waitForCall("approve")).toEqual({ hold: "notes:h9" });
});

test("a plan cannot be decided in the moment in which it appears, nor twice", async ({ page, start }) => {
  await page.clock.install({ time: 1_000 });
  await page.clock.pauseAt(2_000);
  const program = await start({ ...DAY, approve: "never" }, "held");
  const remove = page.getByRole("button", { name: "Delete 1,842 files" });
  await remove.click({ force: true });
  await page.clock.runFor(200);
  await remove.click({ force: true });
  expect(await program.asked("approve")).toEqual([]);
  await page.clock.resume();
  await remove.click();
  await expect(remove).toHaveAttribute("aria-disabled", "true");
  await remove.click({ force: true });
  await page.getByRole("button", { name: "Bring them back" }).click({ force: true });
  expect([await program.asked("approve"), await program.asked("reject")]).toEqual([[{ hold: "archive:h1" }], []]);
});

test("a storage shows what it was asked for today, what went wrong, and its part of the log", async ({ page, start }) => {
  await start(DAY, "storages");
  const numbers = page.locator(".totals");
  for (const text of ["Last success", "18,204", "31 GB", "received 2.2 GB", "Errors, 24 h", "newest 2 below"]) {
    await expect(numbers).toContainText(text);
  }
  await expect(page.getByText("attic does not answer.")).toBeVisible();
  await page.getByRole("button", { name: "Show log" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Activity");
  await expect(page.getByRole("combobox", { name: "Storage" })).toHaveValue("attic");
  // What a pair with another storage did is not there.
  await expect(page.getByRole("row", { name: /Q3\.pdf/ })).toBeVisible();
  await expect(page.getByRole("row", { name: /Seeds to order/ })).toHaveCount(0);
  await page.getByRole("combobox", { name: "Storage" }).selectOption("cloud");
  await expect(page.getByRole("row", { name: /Seeds to order/ })).toBeVisible();
  await expectAccessible(page);
});

test("where the keys of a storage are kept is said as it is", async ({ page, start }) => {
  const storages = { ok: [storage("attic"), storage("shed", { secret_store: "file" })] };
  await start({ ...DAY, storages }, "storages");
  await expect(page.getByText("In this computer’s keyring, nowhere else")).toBeVisible();
  await page.getByText("shed", { exact: true }).first().click();
  await expect(page.getByText("In an encrypted file that your passphrase opens, nowhere else")).toBeVisible();
});

test("what reads the same twice is there twice", async ({ page, start }) => {
  const step = { title: "Write", ms: 4, ok: true, outcome: "" };
  const busy = pair("notes", { state: "syncing", shown: "Syncing, 3%", progress: { actions_done: 1, actions_total: 9, bytes_done: 1, bytes_total: 99, under_way: ["a.txt", "a.txt"], under_way_count: 2 } });
  const twice = <T>(one: T) => ({ ok: [one, one] });
  const warning = { message: "A folder cannot be read.", next_step: "" };
  await start({
    ...DAY,
    overview: { ok: overview([busy], "1 syncing") },
    test_storage: twice(step),
    guarantees: twice({ holds: true, message: "Moves stay moves." }),
    list_folder: twice({ name: "2024", kind: "folder", size: 0, mtime: null, why: null }),
    preview: { ok: { ...PREVIEW, warnings: [warning, warning] } },
    conflicts: { ok: [CONFLICTS[0], { ...CONFLICTS[0], pair: "notes" }] },
    held: { ok: [HELD[0], { ...HELD[0], pair: "notes" }] },
  });
  await expect(page.getByRole("list", { name: "Files under way" }).getByRole("listitem")).toHaveCount(2);
  await page.keyboard.press("Control+3");
  await expect(page.getByRole("checkbox", { name: "Select Budget 2027.md" })).toHaveCount(2);
  await page.keyboard.press("Control+4");
  await page.getByRole("button", { name: "Next" }).click();
  await expect(page.getByText("2 of 2")).toBeVisible();
  await page.keyboard.press("Control+5");
  await page.getByRole("button", { name: "Test", exact: true }).click();
  await expect(page.locator(".tests li")).toHaveCount(2);
  await page.keyboard.press("Control+n");
  await page.getByLabel("Path").fill("~/Pictures");
  const next = page.getByRole("button", { name: "Continue" });
  await expect(next).not.toHaveAttribute("aria-disabled", "true");
  await next.click();
  await page.getByRole("radio", { name: "attic" }).check({ force: true });
  await next.click();
  await expect(page.getByRole("button", { name: "2024" })).toHaveCount(2);
  await next.click();
  await next.click();
  await expect(page.getByText("Moves stay moves.")).toHaveCount(2);
  await next.click();
  await expect(page.getByText(warning.message)).toHaveCount(2);
});

test("a storage that was never used and had no errors says so", async ({ page, start }) => {
  await start({ ...DAY, storages: { ok: [storage("attic", { usage: null, health: null })] } }, "storages");
  await expect(page.getByText("Not used since the start").first()).toBeVisible();
  await expect(page.getByText("None.", { exact: true })).toBeVisible();
  await expect(page.locator(".totals")).toHaveCount(0);
});

test("what goes with a secret is asked for at once, and what has a usual value under “More settings”", async ({ page, start }) => {
  await start(DAY, "storages");
  await page.getByRole("button", { name: "Add a storage" }).click();
  await page.getByRole("button", { name: "WebDAV", exact: true }).click();
  await expect(page.getByLabel("Address")).toBeVisible();
  await expect(page.getByLabel("User name (optional)")).toBeVisible();
  await expect(page.getByLabel("Password (optional)")).toBeVisible();
  const patience = page.getByLabel("Patience (optional)");
  await expect(patience).toBeHidden();
  await page.getByText("More settings", { exact: true }).click();
  await expect(patience).toBeVisible();
  await expectAccessible(page);
});

test("a storage's test shows its steps as they end, and a storage is saved only if it is green", async ({ page, start }) => {
  const failure = { ...FAILURE, message: "The server does not accept this key.", next_step: "Check both parts of it." };
  const program = await start({ ...DAY, add_storage: { failure } }, "storages");
  await page.getByRole("button", { name: "Add a storage" }).click();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Amazon S3" }).click();
  await expect(page.getByText("Bucket is missing")).toBeVisible();
  await page.getByLabel("Bucket").fill("photos");
  await page.getByLabel("Access key").fill("AKIA");
  await page.getByLabel("Secret key").fill("secret");
  await page.getByRole("button", { name: "Test and save" }).click();
  await program.tell("step", { request: 1, storage: "s3", step: { title: "Reach the server", ms: 41, ok: true, outcome: "" } });
  await expect(page.getByText("Reach the server")).toBeVisible();
  await expect(page.getByRole("alert")).toContainText(failure.message);
  await expect(page.getByText("Nothing was saved.")).toBeVisible();
  await expectAccessible(page);
  expect(await program.waitForCall("add_storage")).toEqual({
    form: { name: "s3", type: "s3", values: { bucket: "photos" }, secrets: { access_key_id: "AKIA", secret_access_key: "secret" }, store: null },
    request: 1,
  });
});

test("what a notification or the tray asks for is shown, also where its page is open", async ({ page, start }) => {
  const program = await start(DAY);
  await program.tell("open", { page: "storages", subject: "cloud" });
  await expect(page.getByRole("heading", { level: 2, name: "cloud" })).toBeVisible();
  await program.tell("open", { page: "storages", subject: "attic" });
  await expect(page.getByRole("heading", { level: 2, name: "attic" })).toBeVisible();
  await program.tell("open", { page: "overview", subject: "client-work" });
  await expect(page.getByRole("article", { name: "client-work" })).toBeFocused();
});

test("a window that is opened for a pair shows it", async ({ page, start }) => {
  await start(DAY, "overview/client%2Dwork");
  await expect(page.getByRole("article", { name: "client-work" })).toBeFocused();
});

test.describe("the wizard", () => {
  const WAY: Answers = { ...DAY, resume: { ok: null } };

  test("says at each step what was found, and makes the pair of what was chosen", async ({ page, start }) => {
    const program = await start(WAY);
    await page.getByRole("button", { name: "New pair" }).click();
    const title = page.getByRole("heading", { level: 1 });
    const next = page.getByRole("button", { name: "Continue" });
    await expect(title).toHaveText("Which folder should stay in step?");
    await page.getByLabel("Path").fill("~/Pictures");
    await expect(page.getByText("/home/noor/Pictures is there and can be read: 360 entries.")).toBeVisible();
    await expectAccessible(page);
    await next.click();
    await expect(title).toHaveText("Where should the other end be?");
    await page.getByRole("radio", { name: "attic" }).check({ force: true });
    await expectAccessible(page);
    await next.click();
    await page.getByRole("button", { name: "From phone" }).click();
    await expect(page.getByLabel("Folder", { exact: true })).toHaveValue("From phone");
    await expectAccessible(page);
    await next.click();
    await expect(title).toHaveText("What should Tandem carry?");
    await expectAccessible(page);
    await next.click();
    await expect(title).toHaveText("What holds for this pair");
    await expect(page.getByText("What an edit replaces is kept for 30 days.")).toBeVisible();
    await expectAccessible(page);
    await next.click();
    await expect(page.getByText("249 MB")).toBeVisible();
    await expectAccessible(page);
    expect(await program.waitForCall("add_pair")).toMatchObject({
      pair: { name: "pictures", source: { storage: "local", path: "/home/noor/Pictures" }, destination: { storage: "attic", path: "From phone" } },
    });
    await page.getByRole("button", { name: "Start" }).click();
    expect(await program.waitForCall("resume")).toEqual({ names: ["pictures"] });
    await expect(title).toHaveText("1 pair needs you, 1 has stopped");
  });

  test("shows what the first plan would hold, and counts also what it does not list", async ({ page, start }) => {
    const totals = { ...PREVIEW.totals, actions: 150_001, changes: { source: 1, destination: 150_000 } };
    const program = await start({ ...WAY, preview: { ok: { ...PREVIEW, totals, held: HELD, actions_left_out: 149_959 } } });
    const title = page.getByRole("heading", { level: 1 });
    const next = page.getByRole("button", { name: "Continue" });
    await page.getByRole("button", { name: "New pair" }).click();
    await page.getByLabel("Path").fill("~/Pictures");
    await expect(next).not.toHaveAttribute("aria-disabled", "true");
    await next.click();
    await page.getByRole("radio", { name: "attic" }).check({ force: true });
    for (const heading of ["Which folder on attic?", "What should Tandem carry?", "What holds for this pair", "This is what would happen first"]) {
      await next.click();
      await expect(title).toHaveText(heading);
    }
    await expect(page.locator(".totals")).toContainText("150,000 items");
    await expect(page.getByText("149,959 more actions are not listed; the sums count them.")).toBeVisible();
    await expect(page.getByText("1,842 of 12,480 files would be deleted from attic.")).toBeVisible();
    await expect(page.getByText("After Start this waits for your decision under Held plans.")).toBeVisible();
    await expectAccessible(page);
    // A plan that is held as a whole lists nothing; that is not the same as having nothing to do.
    const none = { ...totals, actions: 0, changes: { source: 0, destination: 0 } };
    await program.answer({ preview: { ok: { ...PREVIEW, totals: none, actions: [], held: HELD } } });
    for (const [button, heading] of [["Back", "What holds for this pair"], ["Continue", "This is what would happen first"]] as const) {
      await page.getByRole("button", { name: button }).click();
      await expect(title).toHaveText(heading);
    }
    await expect(page.getByText("would be deleted from attic.")).toBeVisible();
    await expect(page.getByText("the two folders are equal")).toHaveCount(0);
    await program.answer({ preview: { ok: { ...PREVIEW, totals: none, actions: [], error: OFFLINE } } });
    for (const [button, heading] of [["Back", "What holds for this pair"], ["Continue", "This is what would happen first"]] as const) {
      await page.getByRole("button", { name: button }).click();
      await expect(title).toHaveText(heading);
    }
    await expect(page.getByRole("alert")).toContainText(OFFLINE.message);
    await expect(page.getByText("the two folders are equal")).toHaveCount(0);
  });

  test("under More it is chosen who wins in the first sync, and the sentence says so", async ({ page, start }) => {
    const program = await start(WAY);
    const next = page.getByRole("button", { name: "Continue" });
    await page.getByRole("button", { name: "New pair" }).click();
    await page.getByLabel("Path").fill("~/Pictures");
    await expect(next).not.toHaveAttribute("aria-disabled", "true");
    await next.click();
    await page.getByRole("radio", { name: "attic" }).check({ force: true });
    await next.click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Which folder on attic?");
    await next.click();
    await page.getByText("More", { exact: true }).click();
    const first = page.getByLabel("In the first sync");
    await expect(first).toHaveValue("merge");
    await first.selectOption("The second folder’s version stays");
    await expect(page.getByRole("status").filter({ hasText: "In the first sync the second folder’s version stays" })).toBeVisible();
    await expectAccessible(page);
    await next.click();
    expect(await program.waitForCall("add_pair")).toMatchObject({ pair: { settings: { first_sync: "destination-wins" } } });
    await page.getByRole("button", { name: "Back" }).click();
    // A mirror knows no such choice: its first folder is what the second becomes.
    await page.getByRole("radio", { name: /^Mirror to/ }).check({ force: true });
    await expect(first).toHaveCount(0);
  });

  test("who adds a storage does not go on with the one chosen before", async ({ page, start }) => {
    await start(WAY);
    await page.getByRole("button", { name: "New pair" }).click();
    await page.getByLabel("Path").fill("~/Pictures");
    await expect(page.getByText("360 entries")).toBeVisible();
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("radio", { name: "attic" }).check({ force: true });
    await expect(page.getByRole("searchbox", { name: "Search 4 types" })).toBeVisible();
    await page.getByRole("button", { name: "WebDAV", exact: true }).click();
    await expect(page.getByRole("button", { name: "Continue", exact: true })).toHaveAttribute("aria-disabled", "true");
  });

  test("leaving it takes the pair back that was made for the preview", async ({ page, start }) => {
    const program = await start(WAY);
    await page.getByRole("button", { name: "New pair" }).click();
    await page.getByLabel("Path").fill("~/Pictures");
    for (const choice of ["", "attic", "", ""]) {
      if (choice) await page.getByRole("radio", { name: choice }).check({ force: true });
      await expect(page.getByRole("button", { name: "Continue" })).not.toHaveAttribute("aria-disabled", "true");
      await page.getByRole("button", { name: "Continue" }).click();
    }
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("What holds for this pair");
    await page.keyboard.press("Escape");
    expect(await program.waitForCall("remove_pair")).toEqual({ name: "pictures" });
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("1 pair needs you, 1 has stopped");
  });

  test("leaving it while the plan is made, by a click on a notification, takes the pair back too", async ({ page, start }) => {
    const program = await start({ ...WAY, preview: "never" });
    await page.getByRole("button", { name: "New pair" }).click();
    await page.getByLabel("Path").fill("~/Pictures");
    for (const choice of ["", "attic", "", "", ""]) {
      if (choice) await page.getByRole("radio", { name: choice }).check({ force: true });
      await expect(page.getByRole("button", { name: "Continue" })).not.toHaveAttribute("aria-disabled", "true");
      await page.getByRole("button", { name: "Continue" }).click();
    }
    await program.waitForCall("preview");
    await program.tell("open", { page: "conflicts", subject: "" });
    expect(await program.waitForCall("remove_pair")).toEqual({ name: "pictures" });
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("2 conflicts");
  });

  test("a pair that was started is not taken back", async ({ page, start }) => {
    const program = await start(WAY);
    await page.getByRole("button", { name: "New pair" }).click();
    await page.getByLabel("Path").fill("~/Pictures");
    for (const choice of ["", "attic", "", "", ""]) {
      if (choice) await page.getByRole("radio", { name: choice }).check({ force: true });
      await expect(page.getByRole("button", { name: "Continue" })).not.toHaveAttribute("aria-disabled", "true");
      await page.getByRole("button", { name: "Continue" }).click();
    }
    await page.getByRole("button", { name: "Start", exact: true }).click();
    expect(await program.waitForCall("resume")).toEqual({ names: ["pictures"] });
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("1 pair needs you, 1 has stopped");
    expect(await program.asked("remove_pair")).toEqual([]);
  });

  test("what does not work is said where it was asked for", async ({ page, start }) => {
    const program = await start({ ...WAY, local_folder: { failure: { ...FAILURE, message: "There is no folder /nowhere." } } });
    await page.getByRole("button", { name: "New pair" }).click();
    await page.getByLabel("Path").fill("/nowhere");
    await expect(page.getByText("There is no folder /nowhere.")).toBeVisible();
    await expect(page.getByRole("button", { name: "Continue" })).toHaveAttribute("aria-disabled", "true");
    await program.answer({ local_folder: DAY.local_folder!, list_folder: { failure: OFFLINE }, add_pair: { failure: OFFLINE } });
    await page.getByLabel("Path").fill("~/Pictures");
    await expect(page.getByText("360 entries")).toBeVisible();
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("radio", { name: "attic" }).check({ force: true });
    await page.getByRole("button", { name: "Continue" }).click();
    await expect(page.getByText(OFFLINE.message)).toBeVisible();
    await expectAccessible(page);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("button", { name: "Continue" }).click();
    await expect(page.getByRole("alert")).toContainText(OFFLINE.message);
  });
});
