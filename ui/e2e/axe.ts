/** No page may keep anybody out: what axe finds serious, in both themes. */
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

/** Looks at what the page shows now. */
export async function expectAccessible(page: Page): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    // There are no frames, so there is no need for the page beside it that axe else opens.
    const found = await new AxeBuilder({ page }).setLegacyMode().analyze();
    const serious = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    const said = serious.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary ?? ""}`));
    expect(said, colorScheme).toEqual([]);
  }
}
