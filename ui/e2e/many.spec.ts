// 100,000 lines cost as much as 30.
import { expect } from "@playwright/test";
import { expectAccessible } from "./axe";
import { test } from "./program";
import { DAY, HELD, PREVIEW, action, line, overview, pair } from "./samples";

const MANY = 100_000;

test("100,000 lines of activity scroll, are searched and are walked by keys", async ({ page, start }) => {
  const program = await start({ ...DAY, activity: { lines: MANY } }, "activity");
  await expect(page.getByText("100,000 actions")).toBeVisible();
  const rows = page.getByRole("table", { name: "Actions, newest first" });
  await expect(rows.getByText("99999.jpg").first()).toBeAttached();
  // The rows that are not seen are not there; their number is told all the same.
  expect(await rows.getByRole("row").count()).toBeLessThan(60);
  expect(Number(await rows.getAttribute("aria-rowcount"))).toBeGreaterThan(MANY);
  await expectAccessible(page);

  await rows.focus();
  await page.keyboard.press("End");
  await expect(rows.getByRole("row", { name: / 0\.jpg|^0\.jpg/ })).toBeVisible();
  await page.keyboard.press("Home");
  await expect(rows.getByText("99999.jpg").first()).toBeAttached();

  await page.getByRole("searchbox").fill("54321");
  await expect(page.getByText("1 action", { exact: true })).toBeVisible();
  await page.getByRole("searchbox").fill("");
  await program.tell("actions", [line(1, { id: "new", path: "just now.txt" })]);
  await expect(page.getByText("100,001 actions")).toBeVisible();
});

test("a held plan of 100,000 deletes lists the thousand that are told, how many more there are, and all on demand", async ({ page, start }) => {
  const actions = Array.from({ length: 1_000 }, (_, n) => action(n));
  const [hold] = HELD;
  const whole = { ...hold, count: MANY, actions: Array.from({ length: MANY }, (_, n) => action(n)) };
  await start({ ...DAY, held: { ok: [{ ...whole, actions }] }, held_whole: { ok: whole } }, "held");
  const rows = page.getByRole("table", { name: "Actions of the plan" });
  await expect(rows).toHaveAttribute("aria-rowcount", "1000");
  expect(await rows.getByRole("row").count()).toBeLessThan(60);
  await expect(page.getByText("99,000 more are not listed")).toBeAttached();
  await expect(page.getByRole("button", { name: "Delete 100,000 files" })).toBeVisible();

  await page.getByRole("button", { name: "List all" }).click();
  await expect(rows).toHaveAttribute("aria-rowcount", String(MANY));
  expect(await rows.getByRole("row").count()).toBeLessThan(60);
  await expect(page.getByText("more are not listed")).toHaveCount(0);
});

test("a preview of 100,000 actions is a list like any other", async ({ page, start }) => {
  const actions = Array.from({ length: MANY }, (_, n) => action(n, { kind: "create", reason: "It is new on this computer." }));
  await start({ ...DAY, preview: { ok: { ...PREVIEW, actions } } });
  const next = page.getByRole("button", { name: "Continue" });
  await page.keyboard.press("Control+n");
  await page.getByLabel("Path").fill("~/Pictures");
  await expect(next).not.toHaveAttribute("aria-disabled", "true");
  await next.click();
  await page.getByRole("radio", { name: "attic" }).check({ force: true });
  for (const title of ["Which folder on attic?", "What should Tandem carry?", "What holds for this pair", "This is what would happen first"]) {
    await next.click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(title);
  }
  const rows = page.getByRole("table", { name: "Actions of the plan" });
  await expect(rows).toHaveAttribute("aria-rowcount", String(MANY));
  expect(await rows.getByRole("row").count()).toBeLessThan(60);
  await rows.focus();
  await page.keyboard.press("End");
  await expect(rows.getByRole("row", { name: /DSC_103999/ })).toBeVisible();
});

test("a hundred pairs, a thousand conflicts and a thousand storages' folders can be walked through", async ({ page, start }) => {
  const pairs = Array.from({ length: 100 }, (_, n) => pair(`pair-${n}`));
  await start({ ...DAY, overview: { ok: overview(pairs, "All 100 pairs are in step") } });
  await expect(page.getByRole("article")).toHaveCount(100);
  await page.getByRole("article", { name: "pair-99" }).scrollIntoViewIfNeeded();
  await expect(page.getByRole("article", { name: "pair-99" })).toBeInViewport();
});
