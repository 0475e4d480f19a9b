// Names are chosen by others. They are text wherever they stand, and change nothing about the page around them.
import { expect } from "@playwright/test";
import { expectAccessible } from "./axe";
import { test, type Answers } from "./program";
import { CONFLICTS, DAY, FAILURE, HELD, PREVIEW, STORAGES, action, line, overview, pair } from "./samples";

const NAMES = [
  "<img src=x onerror=alert(1)>",
  "<script>alert(1)</script>.txt",
  "{@html 'x'}${alert(1)}{{7*7}}",
  "javascript:alert(1)",
  '"><svg onload=alert(1)>',
  "\u202Egnp.exe\u202C \u2066hidden\u2069",
  "line one\nline two\ttab",
  "&lt;b&gt;&amp;",
  "x".repeat(255),
  "e\u0301".repeat(120),
];

/** Every place that shows a name, showing this one. */
function everywhere(name: string): Answers {
  const [hold] = HELD;
  const [conflict] = CONFLICTS;
  const path = `folder/${name}`;
  const side = { path, kind: "file", size: 1, mtime: null, revision: name };
  return {
    ...DAY,
    overview: {
      ok: overview(
        [
          pair("plain", { source: `/home/${name}`, destination: `attic:${name}`, state: "stopped", shown: "Stopped", error: { ...FAILURE, message: name, next_step: name, detail: name } }),
          pair("moving", { state: "syncing", shown: "Syncing, 3%", progress: { actions_done: 1, actions_total: 9, bytes_done: 1, bytes_total: 99, under_way: [path], under_way_count: 1 } }),
        ],
        name,
      ),
    },
    activity: { ok: { lines: [line(1, { path, reason: name, error: name, outcome: "failed" })], older_left_out: false } },
    conflicts: { ok: [{ ...conflict, path, copy: name, sides: { source: side, destination: side } }] },
    held: { ok: [{ ...hold, message: name, actions: [action(1, { path, reason: name })] }] },
    storages: { ok: [{ ...STORAGES[0], label: name, config: { bucket: name }, health: { ...STORAGES[0]?.health, shown: name } }] },
    list_folder: { ok: [{ name, kind: "folder", size: 0, mtime: null, why: null }] },
    local_folder: { ok: { path: `/home/${name}`, entries: 1 } },
    preview: { ok: { ...PREVIEW, actions: [action(1, { path, reason: name })], warnings: [{ message: name, next_step: name }] } },
    guarantees: { ok: [{ holds: false, message: name }] },
    resolve: { ok: name },
    explain: { failure: { ...FAILURE, message: name } },
  };
}

for (const [n, name] of NAMES.entries()) {
  test(`name ${n} is text everywhere`, async ({ page, start }) => {
    await start(everywhere(name));
    const elements = () => page.locator("main img, main script, main [onload], main [onerror], main iframe, main object").count();
    for (const link of ["Overview", "Activity", "Conflicts", "Held plans", "Storages"]) {
      await page.getByRole("link", { name: new RegExp(`^${link}`) }).click();
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expect.poll(() => page.locator("main").innerText()).toContain(name.slice(0, 12).trim().split(/\s/)[0] ?? "");
      expect(await elements(), link).toBe(0);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(wide, `${link} is no wider than the window`).toBeLessThanOrEqual(0);
    }
    await expectAccessible(page);
    await page.getByRole("link", { name: "Conflicts" }).click();
    await page.getByRole("button", { name: "Keep both" }).click();
    await expect(page.locator(".toast").first()).toBeVisible();
    expect(await elements(), "toast").toBe(0);

    await page.keyboard.press("Control+n");
    await page.getByLabel("Path").fill("~/x");
    const next = page.getByRole("button", { name: "Continue" });
    await expect(next).not.toHaveAttribute("aria-disabled", "true");
    await next.click();
    await page.getByRole("radio", { name: "attic" }).check({ force: true });
    for (const title of ["Which folder on attic?", "What should Tandem carry?", "What holds for this pair", "This is what would happen first"]) {
      await next.click();
      await expect(page.getByRole("heading", { level: 1 })).toHaveText(title);
      expect(await elements(), title).toBe(0);
    }
  });
}
