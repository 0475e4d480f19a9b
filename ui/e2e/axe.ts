/** No page may keep anybody out: what axe finds serious, in both themes. */
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

/** Looks at what the page shows now. The dark theme has other colours and nothing else, so it is asked for those alone. */
export async function expectAccessible(page: Page): Promise<void> {
  expect(await serious(page, "light"), "light").toEqual([]);
  expect(await serious(page, "dark", "color-contrast"), "dark").toEqual([]);
}

/** What axe finds serious in a theme; of one rule, if one is named. */
async function serious(page: Page, colorScheme: "light" | "dark", rule?: string): Promise<string[]> {
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  // There are no frames, so there is no need for the page beside it that axe else opens.
  const axe = new AxeBuilder({ page }).setLegacyMode();
  const { violations } = await (rule ? axe.withRules(rule) : axe).analyze();
  const found = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary ?? ""}`));
}
