/** What is left out, and what holds on a storage, is to be read in the window. */
import { expect } from "@playwright/test";
import { expectAccessible } from "./axe";
import { test } from "./program";
import { DAY, PAIRS, pair, STORAGES } from "./samples";

const PROBLEM = { side: "source", place: "/home/noor/Docs", path: "Docs/a:b.txt", why: "name", is_problem: true } as const;

test("behind the number of what is left out stands what it is, why, and what to do", async ({ page, start }) => {
  const docs = pair("docs", { state: "problems", shown: "In step, 2 left out", left_out: 2, problems: 2 });
  const program = await start({
    ...DAY,
    overview: { ok: { ...(DAY.overview as { ok: object }).ok, pairs: [...PAIRS, docs] } },
    problems: {
      ok: [
        { ...PROBLEM, message: "attic cannot hold this name.", next_step: "Rename it." },
        { ...PROBLEM, path: "<img src=x onerror=alert(1)>", message: "It cannot be read.", next_step: "Give yourself the right to read it." },
      ],
    },
  });
  const card = page.getByRole("article", { name: "docs", exact: true });
  await card.getByText("2 items are left out. Why?").click();
  await expect(card.getByRole("listitem").filter({ hasText: "a:b.txt" })).toContainText("attic cannot hold this name. Rename it.");
  await expect(card.getByRole("listitem").filter({ hasText: "<img src=x" })).toContainText("It cannot be read.");
  expect(await program.waitForCall("problems")).toEqual({ name: "docs" });
  await expectAccessible(page);
  // What does not come is said, and asked for again when it is opened again.
  await card.getByText("2 items are left out. Why?").click();
  await program.answer({ problems: { failure: { kind: "transient", cause: "offline", operation: null, storage: null, path: null, message: "attic does not answer.", next_step: "Wait.", detail: null } } });
  await card.getByText("2 items are left out. Why?").click();
  await expect(card.getByText("attic does not answer.")).toBeVisible();
});

test("a storage says what holds on it, and what to know of", async ({ page, start }) => {
  const [first, ...rest] = STORAGES;
  const guarantees = [
    { holds: true, message: "attic refuses a write where something changed meanwhile." },
    { holds: false, message: "attic does not keep the time a file was last changed." },
  ];
  await start({ ...DAY, storages: { ok: [{ ...first, guarantees }, ...rest] } }, "storages");
  await expect(page.getByText("attic refuses a write where something changed meanwhile.")).toBeVisible();
  await expect(page.getByText("attic does not keep the time a file was last changed.")).toBeVisible();
  await expectAccessible(page);
});
