// The settings of all pairs: what is chosen is taken at once, and what cannot be taken is told beside its field.
import { expect } from "@playwright/test";
import { expectAccessible } from "./axe";
import { test } from "./program";
import { DAY, FAILURE, PROFILE, overview, pair } from "./samples";

test("limits and their timetable are shown and changed, each when its field is left", async ({ page, start }) => {
  const program = await start(DAY, "settings");
  await expect(page.getByLabel("Send at most")).toHaveValue("4 MB");
  await expect(page.getByLabel("Receive at most")).toHaveValue("");
  await expect(page.getByText("At the moment Tandem sends at most 500 kB/s and receives without limit.")).toBeVisible();
  await page.getByLabel("Receive at most").fill("2 MB");
  expect(await program.asked("change_profile_settings")).toEqual([]);
  await page.keyboard.press("Tab");
  expect(await program.waitForCall("change_profile_settings")).toEqual({ settings: { ...PROFILE.settings, receive: "2 MB" } });
  await page.getByLabel("Timetable").fill("22:00 off\n\n08:00 1MB");
  await page.keyboard.press("Tab");
  await expect
    .poll(async () => (await program.asked("change_profile_settings")).at(-1))
    .toMatchObject({ settings: { timetable: ["22:00 off", "08:00 1MB"] } });
});

test("what cannot be taken is told beside its field, which keeps what was typed", async ({ page, start }) => {
  const message = "“fast” cannot be a limit: it is no speed such as 500kB or 4MB.";
  await start({ ...DAY, change_profile_settings: { failure: { ...FAILURE, cause: "usage", message, next_step: "Give bytes a second." } } }, "settings");
  const field = page.getByLabel("Send at most");
  await field.fill("fast");
  await field.press("Enter");
  await expect(page.getByRole("alert")).toHaveText(`${message} Give bytes a second.`);
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await expect(field).toHaveValue("fast");
  await expectAccessible(page);
});

test("the window’s own settings stay where those of the pairs cannot be had", async ({ page, start }) => {
  await start({ ...DAY, profile_settings: { failure: FAILURE } }, "settings");
  await expect(page.getByRole("alert")).toContainText(FAILURE.message);
  await expect(page.getByRole("switch", { name: "Start hidden" })).toBeVisible();
  await expect(page.getByLabel("Send at most")).toBeHidden();
  await expectAccessible(page);
});

test("what pairs wait for is chosen", async ({ page, start }) => {
  const program = await start(DAY, "settings");
  const metered = page.getByRole("switch", { name: "Pause on metered connections" });
  await expect(metered).toBeChecked();
  await metered.click();
  expect(await program.waitForCall("change_profile_settings")).toMatchObject({ settings: { pause_on_metered: false } });
  await page.getByRole("combobox", { name: "Pause on battery" }).selectOption("Below 20%");
  await expect
    .poll(async () => (await program.asked("change_profile_settings")).at(-1))
    .toMatchObject({ settings: { pause_on_battery_below: 20 } });
});

test("no pause is offered where nobody can tell of connections and batteries", async ({ page, start }) => {
  await start({ ...DAY, profile_settings: { ok: { ...PROFILE, tells_surroundings: false } } }, "settings");
  await expect(page.getByLabel("Send at most")).toBeVisible();
  await expect(page.getByRole("switch", { name: "Pause on metered connections" })).toHaveCount(0);
});

test("a pair that waits for another connection says so and goes on when a person resumes it", async ({ page, start }) => {
  const shown = "Paused: metered connection";
  const program = await start({ ...DAY, overview: { ok: overview([pair("notes", { state: "waiting", shown, can_go_on: true })], shown) } });
  const card = page.getByRole("article", { name: "notes" });
  await expect(card).toContainText(shown);
  await expectAccessible(page);
  await card.getByRole("button", { name: "Resume" }).click();
  expect(await program.waitForCall("resume")).toEqual({ names: ["notes"] });
});

test("the computer’s name is that of the system until a person gives another", async ({ page, start }) => {
  const program = await start(DAY, "settings");
  const name = page.getByLabel("Name of this computer");
  await expect(name).toHaveValue("");
  await expect(name).toHaveAttribute("placeholder", "atlas");
  await expect(page.getByText("when both versions are kept: atlas-7f3a")).toBeVisible();
  await name.fill("desk");
  await name.press("Enter");
  expect(await program.waitForCall("change_profile_settings")).toMatchObject({ settings: { device: "desk" } });
});

test("what the check found is listed, also where two things are called the same", async ({ page, start }) => {
  const local = (path: string) => ({ name: "pair notes", ok: true, message: `The folder ${path} is there.`, next_step: "" });
  await start({ ...DAY, doctor: { ok: { checks: [local("/home/noor/Notes"), local("/media/disk/Notes")], bundle: null, names: false } } }, "settings");
  await page.getByRole("button", { name: "Check now" }).click();
  await expect(page.getByText("The folder /home/noor/Notes is there.")).toBeVisible();
  await expect(page.getByText("The folder /media/disk/Notes is there.")).toBeVisible();
  await expectAccessible(page);
});

test("new pairs begin with the versions and patterns that were chosen for them", async ({ page, start }) => {
  const program = await start(DAY, "settings");
  const versions = page.getByRole("combobox", { name: "Keep older versions" });
  await expect(versions).toHaveValue("14");
  await versions.selectOption("90 days");
  expect(await program.waitForCall("change_profile_settings")).toMatchObject({ settings: { version_days: 90 } });
  await page.getByLabel("Leave out").fill("build/\n\n*.o");
  await page.keyboard.press("Tab");
  await expect
    .poll(async () => (await program.asked("change_profile_settings")).at(-1))
    .toMatchObject({ settings: { patterns: ["build/", "*.o"] } });
  await page.keyboard.press("Control+n");
  await page.getByLabel("Path").fill("~/Pictures");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("radio", { name: "attic" }).check({ force: true });
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByRole("combobox", { name: "Keep older versions" })).toHaveValue("14");
  await page.getByRole("button", { name: "Continue" }).click();
  expect(await program.waitForCall("add_pair")).toMatchObject({ pair: { settings: { version_days: 14, patterns: ["*.iso"] } } });
});
