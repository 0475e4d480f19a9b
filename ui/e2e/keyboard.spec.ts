// The whole program without a pointer.
import { expect, type Page } from "@playwright/test";
import { test } from "./program";
import { DAY, FIRST_DAY } from "./samples";

const title = (page: Page) => page.getByRole("heading", { level: 1 });

/** Presses Tab until what has the focus is called so; in between the focus is always to be seen. */
async function tabTo(page: Page, name: string | RegExp, role: "button" | "textbox" | "radio" | "link" | "searchbox" = "button"): Promise<void> {
  const wanted = page.getByRole(role, { name });
  for (let presses = 0; presses < 60; presses += 1) {
    const there = await wanted.evaluateAll((all) => all.some((one) => one === document.activeElement));
    if (there) return;
    await page.keyboard.press("Tab");
    await expectFocusSeen(page);
  }
  throw new Error(`Tab does not come to ${String(name)}`);
}

async function expectFocusSeen(page: Page): Promise<void> {
  const seen = await page.evaluate(() => {
    const at = document.activeElement;
    if (!at || at === document.body) return true;
    // A choice, and a row of a list, show it on what is around them.
    const around = [at, at.parentElement].filter((one) => one !== null);
    const outlined = around.some((one) => ["", "::after"].some((part) => getComputedStyle(one, part || null).outlineStyle !== "none"));
    const box = at.getBoundingClientRect();
    return outlined && box.bottom > 0 && box.top < innerHeight ? true : at.outerHTML.slice(0, 200);
  });
  expect(seen, "what has the focus is seen to have it").toBe(true);
}

test("Ctrl and a number go to each page, Ctrl+N to a new pair, Ctrl+F to the search, F6 to the next region", async ({ page, start }) => {
  await start(DAY);
  await expect(title(page)).toBeVisible();
  for (const [key, name] of [["2", "Activity"], ["3", "2 conflicts"], ["4", "archive waits for you"], ["5", "Storages"], ["6", "Settings"], ["1", "1 pair needs you, 1 has stopped"]] as const) {
    await page.keyboard.press(`Control+${key}`);
    await expect(title(page)).toHaveText(name);
  }
  await page.keyboard.press("Control+2");
  await page.keyboard.press("Control+f");
  await expect(page.getByRole("searchbox")).toBeFocused();
  await page.keyboard.press("F6");
  await expect(page.locator(".nav a").first()).toBeFocused();
  await page.keyboard.press("F6");
  await expect(page.locator("#main")).toBeFocused();
  await page.keyboard.press("Control+n");
  await expect(title(page)).toHaveText("Which folder should stay in step?");
  await page.keyboard.press("Escape");
  await expect(title(page)).toHaveText("1 pair needs you, 1 has stopped");
});

test("the first Tab offers to skip to the page", async ({ page, start }) => {
  await start(DAY);
  await expect(title(page)).toBeVisible();
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to the page" });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
});

test("every page is walked through by Tab, and the focus is seen at each stop", async ({ page, start }) => {
  await start(DAY);
  for (const key of ["1", "2", "3", "4", "5", "6"]) {
    await page.keyboard.press(`Control+${key}`);
    await expect(title(page)).toBeVisible();
    const stops = new Set<string>();
    for (let presses = 0; presses < 45; presses += 1) {
      await page.keyboard.press("Tab");
      await expectFocusSeen(page);
      stops.add(await page.evaluate(() => document.activeElement?.outerHTML ?? ""));
    }
    expect(stops.size, `page ${key}`).toBeGreaterThan(8);
  }
});

test("a first pair is made by keys alone", async ({ page, start }) => {
  const program = await start(FIRST_DAY);
  await tabTo(page, "Choose a folder");
  await page.keyboard.press("Enter");
  // Whoever reads by ear begins at the question.
  await expect(title(page)).toBeFocused();
  await tabTo(page, "Path", "textbox");
  await page.keyboard.type("~/Pictures");
  await expect(page.getByText("360 entries")).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(title(page)).toHaveText("Where should the other end be?");
  await tabTo(page, "Another folder on this computer", "radio");
  await page.keyboard.press("Space");
  await tabTo(page, "Continue");
  await page.keyboard.press("Enter");
  await tabTo(page, "Folder", "textbox");
  await page.keyboard.type("/media/disk/Pictures");
  await tabTo(page, "Continue");
  await page.keyboard.press("Enter");
  await expect(title(page)).toHaveText("What should Tandem carry?");
  await tabTo(page, "Both ways", "radio");
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("radio", { name: "Mirror to /media/disk/Pictures" })).toBeChecked();
  await page.keyboard.press("ArrowUp");
  await tabTo(page, "Back");
  await page.keyboard.press("Enter");
  await expect(title(page)).toHaveText("Which folder on This computer?");
  await page.keyboard.press("Alt+ArrowLeft");
  await expect(title(page)).toHaveText("Where should the other end be?");
  for (const next of ["Which folder on This computer?", "What should Tandem carry?", "What holds for this pair", "This is what would happen first"]) {
    await tabTo(page, "Continue");
    await page.keyboard.press("Enter");
    await expect(title(page)).toHaveText(next);
  }
  await tabTo(page, "Start");
  await page.keyboard.press("Enter");
  expect(await program.waitForCall("add_pair")).toMatchObject({ pair: { destination: { storage: "local", path: "/media/disk/Pictures" }, settings: { mode: "two-way" } } });
  expect(await program.waitForCall("resume")).toEqual({ names: ["pictures"] });
});

test("a menu is walked by arrows and gives the focus back, and so does a dialog", async ({ page, start }) => {
  await start(DAY);
  await tabTo(page, "More for notes");
  const button = page.getByRole("button", { name: "More for notes" });
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menuitem").first()).toBeFocused();
  await page.keyboard.press("End");
  await expect(page.getByRole("menuitem", { name: "Remove" })).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("menuitem").first()).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("menuitem")).toHaveCount(0);
  await expect(button).toBeFocused();
  await page.keyboard.press("Enter");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "Keep the pair" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(button).toBeFocused();
});

test("a conflict is decided by a key, and Space selects it", async ({ page, start }) => {
  const program = await start(DAY, "conflicts");
  await expect(title(page)).toHaveText("2 conflicts");
  await tabTo(page, /Budget 2027/, "link");
  await page.keyboard.press("Space");
  await expect(page.getByRole("checkbox", { name: "Select Budget 2027.md" })).toBeChecked();
  await page.keyboard.press("Space");
  await expect(page.getByRole("button", { name: "Keep both" })).not.toHaveAttribute("aria-disabled", "true");
  await page.keyboard.press("3");
  expect(await program.waitForCall("resolve")).toMatchObject({ id: "client-work:c1", keep: "both" });
});

test("rows are one stop of Tab, arrows walk them, and Escape closes what was opened", async ({ page, start }) => {
  await start(DAY, "activity");
  const rows = page.getByRole("table", { name: "Actions, newest first" });
  await rows.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("complementary", { name: "Why" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("complementary", { name: "Why" })).toBeHidden();
});
