// Both versions of a conflict: what a person sees of them, and what is decided.
import { expect } from "@playwright/test";
import { expectAccessible } from "./axe";
import { test, type Answers } from "./program";
import { CONFLICTS, DAY, FAILURE, LINES, PAIRS, PICTURES, TEXTS, line, overview, row } from "./samples";

const SEEN = { source: "r1", destination: "r2" };

function compared(view: unknown): Answers {
  return { ...DAY, compare: { ok: view } };
}

test("two texts are side by side line by line, and the decision is about what was seen", async ({ page, start }) => {
  const program = await start(DAY, "conflicts");
  await expect(page.getByRole("heading", { name: "Budget 2027.md" })).toBeVisible();
  expect(await program.waitForCall("compare")).toEqual({ id: "client-work:c1" });
  await expect(page.getByRole("status").filter({ hasText: "3 lines differ, attic alone has 1 line" })).toBeVisible();
  await expect(page.locator(".diff mark").first()).toHaveText("audio stations");
  await expect(page.getByText("38 equal lines")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Keep attic’s" }).click();
  expect(await program.waitForCall("resolve")).toEqual({ id: "client-work:c1", keep: "destination", seen: SEEN });
  await expect(page.getByText("Both versions were kept.")).toBeVisible();
});

test("several are decided for one place, each on what was listed, and all of it can be undone", async ({ page, start }) => {
  const chosen = (n: number, run: number, path: string) => line(n, { run: `client-work:${run}`, kind: "replace", path, why: "chosen" });
  const after = [...LINES, line(20, { path: "Reports/other.md" }), chosen(21, 7, "Reports/Budget 2027.md"), chosen(22, 8, "Contracts/Terms.md"), line(23, { path: "Contracts/Terms.md" })];
  const program = await start({ ...DAY, activity: { turns: [{ ok: { lines: LINES, older_left_out: true } }, { ok: { lines: after, older_left_out: true } }] }, undo_run: { ok: [] } }, "conflicts");
  await page.getByRole("button", { name: "Select all" }).click();
  await expect(page.getByText("2 selected")).toBeVisible();
  for (const name of ["Keep this computer’s", "Keep attic’s", "Keep both"]) await expect(page.getByRole("button", { name })).toBeVisible();
  await expectAccessible(page);
  // The digits are for the one that is shown, not for several.
  await page.keyboard.press("1");
  await page.getByRole("button", { name: "Keep attic’s" }).click();
  await expect(page.getByText("2 conflicts were decided.")).toBeVisible();
  expect(await program.asked("resolve")).toEqual([
    { id: "client-work:c1", keep: "destination", seen: { source: "r", destination: "r" } },
    { id: "client-work:c2", keep: "destination", seen: { source: "r", destination: null } },
  ]);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByText("Undone. Undoing can be undone as well.")).toBeVisible();
  expect(await program.asked("undo_run")).toEqual([{ id: "client-work:8" }, { id: "client-work:7" }]);
});

test("only what suits all that are selected is offered, and one that has changed does not stop the others", async ({ page, start }) => {
  const [first, second] = CONFLICTS;
  const failure = { ...FAILURE, message: "The file has changed in the meantime.", next_step: "" };
  const resolve = { by: "id", answers: { "client-work:c1": { failure }, "notes:c3": { ok: "Decided." } } };
  const program = await start({ ...DAY, resolve, conflicts: { ok: [first, second, { ...second, id: "notes:c3", pair: "notes", path: "Seeds.md" }] } }, "conflicts");
  await page.getByRole("checkbox", { name: "Select Budget 2027.md" }).check();
  await page.getByRole("checkbox", { name: "Select Seeds.md" }).check();
  await expect(page.getByText("2 selected")).toBeVisible();
  await expect(page.getByRole("button", { name: "Keep attic’s" })).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Keep cloud’s" })).toHaveCount(0);
  await page.getByRole("button", { name: "Keep this computer’s" }).click();
  await expect(page.getByText(failure.message)).toBeVisible();
  expect((await program.asked("resolve")).map(({ id }) => id)).toEqual(["client-work:c1", "notes:c3"]);
  await expect(page.getByText("Decided.")).toBeVisible();
});

test("a decision can be undone at once, where it changed anything", async ({ page, start }) => {
  const after = [...LINES, line(21, { run: "client-work:7", kind: "replace", path: "Reports/Budget 2027.md", why: "chosen" })];
  const turns = [{ ok: { lines: LINES, older_left_out: true } }, { ok: { lines: after, older_left_out: true } }];
  const program = await start({ ...DAY, activity: { turns }, undo_run: { ok: [] } }, "conflicts");
  await page.getByRole("button", { name: "Keep both" }).click();
  await page.getByRole("button", { name: "Undo" }).click();
  expect(await program.waitForCall("undo_run")).toEqual({ id: "client-work:7" });
});

test("a merged text begins with the lines of both and is written as what a person made of it", async ({ page, start }) => {
  const program = await start(DAY, "conflicts");
  await expect(page.locator(".diff")).toBeVisible();
  await page.getByRole("heading", { level: 1 }).click();
  await page.keyboard.press("4");
  const text = page.getByLabel("The text that both sides get");
  await expect(text).toHaveValue("one\nof this computer\nof attic\n");
  await expectAccessible(page);
  // Digits are text here, and decide nothing.
  await text.fill("one\nof both: 123\n");
  await text.press("End");
  await page.keyboard.type("4");
  expect(await program.asked("resolve")).toEqual([]);
  await page.getByRole("button", { name: "Save merged text" }).click();
  const call = await program.waitForCall("resolve");
  expect(call).toMatchObject({ id: "client-work:c1", seen: SEEN });
  expect((call.keep as { merged: string }).merged).toContain("of both: 123");
});

test("a merged text keeps the line ends that both versions have", async ({ page, start }) => {
  const program = await start(compared({ ...TEXTS, lines: { ...TEXTS.lines, crlf: true } }), "conflicts");
  await page.getByRole("button", { name: "Merge" }).click();
  await page.getByLabel("The text that both sides get").fill("a\nb\n");
  await page.getByRole("button", { name: "Save merged text" }).click();
  expect(await program.waitForCall("resolve")).toMatchObject({ keep: { merged: "a\r\nb\r\n" } });
});

test("where a version changed meanwhile, it is said and both are looked at again", async ({ page, start }) => {
  const failure = { ...FAILURE, message: "This cannot be done: the file has changed in the meantime.", next_step: "Look at the conflict again." };
  const program = await start({ ...DAY, resolve: { failure } }, "conflicts");
  await page.getByRole("button", { name: "Merge" }).click();
  const text = page.getByLabel("The text that both sides get");
  await text.fill("the work of an hour");
  await page.getByRole("button", { name: "Save merged text" }).click();
  await expect(page.getByText(failure.message)).toBeVisible();
  await expect.poll(async () => (await program.asked("compare")).length).toBeGreaterThan(1);
  // What was typed is still there.
  await expect(text).toHaveValue("the work of an hour");
});

test("two pictures are side by side, and each in full size when asked for", async ({ page, start }) => {
  await start(compared(PICTURES), "conflicts");
  const pictures = page.locator(".sides img");
  await expect(pictures).toHaveCount(2);
  for (const at of [0, 1]) {
    await expect.poll(() => pictures.nth(at).evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(160);
    await expect(pictures.nth(at)).toHaveAttribute("src", /^blob:/);
  }
  await expect(page.getByText("160 × 120 pixels")).toHaveCount(2);
  await expect(page.getByText(/ · atlas$/)).toBeVisible();
  await expect(page.getByText(/ · written elsewhere$/)).toBeVisible();
  await expect(page.getByRole("button", { name: "Merge" })).toBeHidden();
  await expectAccessible(page);
  await page.getByRole("button", { name: "attic: picture, in full size" }).click();
  await expect(page.getByRole("dialog", { name: "attic: picture" }).locator("img")).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
});

test("a picture that is none is said to be so", async ({ page, start }) => {
  const source = { ...PICTURES.versions.source, picture: { media_type: "image/png", width: 9, height: 9, base64: btoa("<svg onload=alert(1)>") } };
  await start(compared({ ...PICTURES, versions: { ...PICTURES.versions, source } }), "conflicts");
  await expect(page.getByText("This picture cannot be shown.")).toBeVisible();
  await expectAccessible(page);
});

test("what is neither text nor picture, too large or not there is said to be so", async ({ page, start }) => {
  const side = (kind: string) => ({ ...TEXTS.versions.source, kind });
  const program = await start(compared({ ...TEXTS, lines: null, versions: { source: side("too_large"), destination: side("other") } }), "conflicts");
  await expect(page.getByText("Too large to be shown here.")).toBeVisible();
  await expect(page.getByText("Neither a text nor a picture that can be shown.")).toBeVisible();
  await expectAccessible(page);
  await program.answer({ compare: { ok: { ...TEXTS, id: "client-work:c2", lines: null, versions: { source: side("text"), destination: null } } } });
  await page.getByRole("link", { name: /Terms\.md/ }).click();
  await expect(page.getByText("Not there")).toBeVisible();
});

test("nothing is decided about versions that are not on the screen yet", async ({ page, start }) => {
  const program = await start({ ...DAY, compare: "never" }, "conflicts");
  await expect(page.getByText("Both versions are being read.")).toBeVisible();
  for (const name of ["Keep this computer’s", "Keep attic’s", "Keep both"]) {
    await expect(page.getByRole("button", { name })).toHaveAttribute("aria-disabled", "true");
    await page.getByRole("button", { name }).click({ force: true });
  }
  await page.keyboard.press("1");
  await page.keyboard.press("3");
  expect(await program.asked("resolve")).toEqual([]);
  await expectAccessible(page);
});

test("a key that is held decides one conflict, not one after the other", async ({ page, start }) => {
  const compare = { by: "id", answers: { "client-work:c1": { ok: TEXTS }, "client-work:c2": { ok: { ...TEXTS, id: "client-work:c2", lines: null } } } };
  const program = await start({ ...DAY, compare }, "conflicts");
  const keep = page.getByRole("button", { name: "Keep this computer’s" });
  await expect(keep).not.toHaveAttribute("aria-disabled", "true");
  await page.keyboard.down("1");
  expect(await program.waitForCall("resolve")).toMatchObject({ id: "client-work:c1" });
  await program.answer({ conflicts: { ok: CONFLICTS.slice(1) } });
  await expect(page.getByRole("heading", { name: "Terms.md" })).toBeVisible();
  await expect(keep).not.toHaveAttribute("aria-disabled", "true");
  await page.keyboard.down("1");
  await page.keyboard.down("1");
  await page.keyboard.up("1");
  expect(await program.asked("resolve")).toHaveLength(1);
  await page.keyboard.press("1");
  await expect.poll(async () => (await program.asked("resolve")).at(-1)).toMatchObject({ id: "client-work:c2", keep: "source" });
});

test("one decision is under way at a time", async ({ page, start }) => {
  const program = await start({ ...DAY, resolve: "never" }, "conflicts");
  const both = page.getByRole("button", { name: "Keep both" });
  await both.click();
  await expect(both).toHaveAttribute("aria-disabled", "true");
  await page.keyboard.press("1");
  await page.getByRole("button", { name: "Keep attic’s" }).click({ force: true });
  expect(await program.asked("resolve")).toHaveLength(1);
});

test("a conflict that was decided elsewhere is not followed by another under the same keys", async ({ page, start }) => {
  const program = await start(DAY, "conflicts");
  await expect(page.getByRole("button", { name: "Keep both" })).not.toHaveAttribute("aria-disabled", "true");
  await program.answer({ conflicts: { ok: CONFLICTS.slice(1) } });
  await program.tell("overview", overview(PAIRS.map((pair) => ({ ...pair, conflicts: pair.conflicts ? 1 : 0 })), "1 conflict"));
  await expect(page.getByRole("heading", { name: "This conflict is no longer there" })).toBeVisible();
  await page.keyboard.press("1");
  await expectAccessible(page);
  expect(await program.asked("resolve")).toEqual([]);
  await page.getByRole("link", { name: /Terms\.md/ }).click();
  await expect(page.getByRole("heading", { name: "Terms.md" })).toBeVisible();
});

test("what could not be read is said, and the decision about what is listed can be made all the same", async ({ page, start }) => {
  const program = await start({ ...DAY, compare: { failure: FAILURE } }, "conflicts");
  await expect(page.getByRole("alert")).toContainText(FAILURE.message);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Keep both" }).click();
  expect(await program.waitForCall("resolve")).toEqual({ id: "client-work:c1", keep: "both", seen: { source: "r", destination: "r" } });
});

test("of ten thousand lines those in sight are there, and the chosen one in full", async ({ page, start }) => {
  const rows = Array.from({ length: 10_000 }, (_, n) => row(n + 1, `here ${n}`, `there ${"x".repeat(300)} ${n}`));
  await start(compared({ ...TEXTS, lines: { ...TEXTS.lines, rows, rows_left_out: 7, differing: 10_007 } }), "conflicts");
  const table = page.getByRole("table", { name: "Both versions, line by line" });
  await expect(table).toHaveAttribute("aria-rowcount", "10000");
  expect(await table.getByRole("row").count()).toBeLessThan(80);
  await expect(page.getByText("7 more rows are not shown.")).toBeVisible();
  await table.focus();
  await page.keyboard.press("End");
  await expect(table.getByRole("row").filter({ hasText: "here 9999" })).toBeVisible();
  await expect(page.locator(".in-full")).toContainText(`${"x".repeat(300)} 9999`);
  await expectAccessible(page);
});

test("hostile text is text", async ({ page, start }) => {
  const signs = [
    { text: "<img src=x onerror=alert(1)><script>alert(1)</script>", differs: true, is_sign: false },
    { text: "U+202E", differs: true, is_sign: true },
    { text: "nimda\u202E".slice(0, 5), differs: false, is_sign: false },
  ];
  const line = { number: 1, pieces: signs, ends: false };
  const rows = [{ source: line, destination: { ...line, ends: true }, equal: 0, differs: true }];
  await start(compared({ ...TEXTS, lines: { ...TEXTS.lines, rows } }), "conflicts");
  await expect(page.locator(".diff mark.sign").first()).toHaveText("U+202E");
  await expect(page.getByText("<img src=x onerror=alert(1)>").first()).toBeVisible();
  await expect(page.getByText("without a line end")).toHaveCount(1);
  expect(await page.locator("main img, main script").count()).toBe(0);
  await expectAccessible(page);
});

test("what became of a conflict of the tree is told, and only to be seen", async ({ page, start }) => {
  const [first] = CONFLICTS;
  const settled = { ...first, id: "s1", path: "Plans", copy: "Plans (conflict 2026-11-20 140205 atlas-7f3a)", kind: "file_against_folder", is_settled: true, message: "A file and a folder were given the same name. Both are kept, one under another name." };
  const program = await start({ ...DAY, conflicts: { ok: [settled] } }, "conflicts");
  await expect(page.getByText("It stands at Plans (conflict 2026-11-20 140205 atlas-7f3a) now.")).toBeVisible();
  await expect(page.getByRole("button", { name: /^Keep/ })).toHaveCount(0);
  await page.keyboard.press("1");
  expect(await program.asked("resolve")).toEqual([]);
  expect(await program.asked("compare")).toEqual([]);
  await expectAccessible(page);
  await page.getByRole("button", { name: "OK, take it off the list" }).click();
  expect(await program.waitForCall("resolve")).toMatchObject({ id: "s1", keep: "both" });
});
