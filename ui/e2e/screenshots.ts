// Makes the pictures of the README: ./dev screenshots.
import { join } from "node:path";
import { expect, type Page } from "@playwright/test";
import { test } from "./program";
import { DAY, FIRST_DAY, SETTINGS } from "./samples";

const FOLDER = join(import.meta.dirname, "../../docs/screenshots");

async function take(page: Page, name: string): Promise<void> {
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(FOLDER, `${name}.png`), animations: "disabled" });
}

test.use({ reducedMotion: "reduce" });

test("the first run", async ({ page, start }) => {
  await start(FIRST_DAY);
  await take(page, "first-run");
});

for (const name of ["overview", "activity", "conflicts", "held", "storages", "settings"] as const) {
  test(name, async ({ page, start }) => {
    await start(DAY, name);
    if (name === "activity") await page.getByRole("row", { name: /Q3\.pdf/ }).click();
    if (name === "conflicts") await expect(page.locator(".diff")).toBeVisible();
    // What was just shown cannot be decided yet.
    if (["conflicts", "held"].includes(name)) await expect(page.locator("footer [aria-disabled='true']")).toHaveCount(0);
    await take(page, name);
  });
}

test("what was chosen for a pair", async ({ page, start }) => {
  await start(DAY);
  await page.getByRole("button", { name: "More for notes" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  await take(page, "pair");
});

test("a sign-in in the browser", async ({ page, start }) => {
  const program = await start({ ...DAY, add_storage: "never" }, "storages");
  await page.getByRole("button", { name: "Add a storage" }).click();
  await page.getByRole("button", { name: "Nextcloud" }).click();
  await page.getByLabel("Address").fill("https://cloud.example.org");
  await page.getByRole("button", { name: "Sign in with your browser" }).click();
  await program.tell("sign_in", { request: 1, storage: "nextcloud", address: "https://cloud.example.org/login/v2/flow/t0ken", is_open: true });
  await take(page, "sign-in");
});

test("overview in the dark", async ({ page, start }) => {
  await start({ ...DAY, settings: { ok: { ...SETTINGS, settings: { ...SETTINGS.settings, appearance: "dark" } } } });
  await take(page, "overview-dark");
});

test("the wizard", async ({ page, start }) => {
  const program = await start(DAY);
  await page.getByRole("button", { name: "New pair" }).click();
  await page.getByLabel("Path").fill("~/Pictures");
  await expect(page.getByText("360 entries")).toBeVisible();
  await take(page, "wizard-1-folder");
  const next = page.getByRole("button", { name: "Continue" });
  await next.click();
  await page.getByRole("radio", { name: "attic" }).check({ force: true });
  await take(page, "wizard-2-storage");
  await program.answer({ add_storage: "never" });
  await page.getByRole("button", { name: "Amazon S3" }).click();
  await page.getByLabel("Bucket").fill("photo-archive");
  await page.getByLabel("Access key").fill("AKIAIOSFODNN7EXAMPLE");
  await page.getByLabel("Secret key").fill("a secret that nobody knows");
  await page.getByRole("button", { name: "Test, save and continue" }).click();
  const steps = [
    ["Reach the server", 41, "Answered by s3.eu-west-1.amazonaws.com"],
    ["Sign in", 63, "The key is accepted"],
    ["Write a small file", 88, ""],
    ["Read it back", 35, "The same bytes"],
  ] as const;
  for (const [title, ms, outcome] of steps) {
    await program.tell("step", { request: 1, storage: "s3", step: { title, ms, ok: true, outcome } });
  }
  await page.getByText("Read it back").scrollIntoViewIfNeeded();
  await take(page, "wizard-2-test");
  await page.getByRole("button", { name: "Cancel" }).first().click();
  await page.getByRole("radio", { name: "attic" }).check({ force: true });
  await next.click();
  await page.getByRole("button", { name: "2025" }).click();
  await take(page, "wizard-3-remote");
  await next.click();
  await take(page, "wizard-4-carry");
  await next.click();
  await expect(page.getByText("What an edit replaces")).toBeVisible();
  await take(page, "wizard-5-holds");
  await next.click();
  await expect(page.getByText("249 MB")).toBeVisible();
  await take(page, "wizard-6-preview");
});
