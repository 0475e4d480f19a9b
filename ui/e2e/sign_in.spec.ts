/** How a storage gets its keys: by a sign-in in the browser, or into a file where there is no keyring. */
import { expect, type Page } from "@playwright/test";
import { expectAccessible } from "./axe";
import { test, type Program } from "./program";
import { DAY, FAILURE, PROFILE, pair, storage } from "./samples";

const AT = "https://cloud.example.org/login/v2/flow/t0ken";

test("what a sign-in in the browser gives is not asked for, and the sign-in can be opened again and given up", async ({ page, start }) => {
  const program = await start({ ...DAY, add_storage: "never" }, "storages");
  await page.getByRole("button", { name: "Add a storage" }).click();
  await page.getByRole("button", { name: "Nextcloud" }).click();
  await expect(page.getByLabel("App password")).toHaveCount(0);
  await expect(page.getByText("Address is missing")).toBeVisible();
  await page.getByLabel("Address").fill("https://cloud.example.org");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Sign in with your browser" }).click();
  expect(await program.waitForCall("add_storage")).toEqual({
    form: { name: "nextcloud", type: "nextcloud", values: { url: "https://cloud.example.org" }, secrets: {}, store: null },
    request: 1,
  });
  await program.tell("sign_in", { request: 1, storage: "nextcloud", address: AT, is_open: true });
  await expect(page.getByText("cloud.example.org is open in your browser")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Open it once more" }).click();
  expect(await program.waitForCall("open_sign_in")).toEqual({ request: 1 });
  await page.getByRole("button", { name: "Give up" }).click();
  expect(await program.waitForCall("cancel")).toEqual({ request: 1 });
  await program.tell("step", { request: 1, storage: "nextcloud", step: { title: "Reach the server", ms: 41, ok: true, outcome: "" } });
  await expect(page.getByText("is open in your browser")).toHaveCount(0);
  await expect(page.getByText("Reach the server")).toBeVisible();
});

test("where no browser can be opened the address is there to be opened by hand", async ({ page, start }) => {
  const program = await start({ ...DAY, add_storage: "never" }, "storages");
  await page.getByRole("button", { name: "Add a storage" }).click();
  await page.getByRole("button", { name: "Nextcloud" }).click();
  await page.getByLabel("Address").fill("https://cloud.example.org");
  await page.getByRole("button", { name: "Sign in with your browser" }).click();
  await program.waitForCall("add_storage");
  await program.tell("sign_in", { request: 1, storage: "nextcloud", address: AT, is_open: false });
  await expect(page.getByText("Open this address in your browser")).toBeVisible();
  await expect(page.getByText(AT)).toBeVisible();
  await expectAccessible(page);
  // Who leaves the form does not want it any more.
  await page.getByRole("button", { name: "Cancel" }).click();
  expect(await program.waitForCall("cancel")).toEqual({ request: 1 });
});

test("who has a password types it instead", async ({ page, start }) => {
  const program = await start({ ...DAY, add_storage: "never" }, "storages");
  await page.getByRole("button", { name: "Add a storage" }).click();
  await page.getByRole("button", { name: "Nextcloud" }).click();
  await page.getByRole("button", { name: "Type a password instead" }).click();
  await page.getByLabel("Address").fill("https://cloud.example.org");
  await page.getByLabel("User").fill("noor");
  await expect(page.getByText("App password is missing")).toBeVisible();
  await page.getByLabel("App password").fill("secret");
  await page.getByRole("button", { name: "Test and save" }).click();
  expect(await program.waitForCall("add_storage")).toMatchObject({ form: { values: { username: "noor" }, secrets: { password: "secret" } } });
});

test("a storage is signed in to again where it stands, which the pair that waits leads to", async ({ page, start }) => {
  const error = { ...FAILURE, kind: "auth", cause: "auth_expired", storage: "cloud", message: "Sign in to cloud again." };
  const waits = pair("notes", { destination: "cloud:notes", state: "sign_in", shown: "Needs you", error });
  const program = await start({
    ...DAY,
    overview: { ok: { heading: "1 pair needs you", pairs: [waits], owner: null, failure: null, is_known: true } },
    storages: { ok: [storage("attic"), storage("cloud", { type: "nextcloud" })] },
    sign_in: "never",
  });
  await page.getByRole("button", { name: "Show the storage" }).click();
  await expect(page.getByRole("heading", { level: 2, name: "cloud" })).toBeVisible();
  await page.getByRole("button", { name: "Sign in again" }).click();
  expect(await program.waitForCall("sign_in")).toEqual({ name: "cloud", request: 1 });
  await program.tell("sign_in", { request: 1, storage: "cloud", address: AT, is_open: true });
  await expect(page.getByText("cloud.example.org is open in your browser")).toBeVisible();
  await expectAccessible(page);
});

test("without a keyring the keys go into a file with a passphrase, typed twice, and the storage is saved then", async ({ page, start }) => {
  const failure = { ...FAILURE, kind: "auth", cause: "keyring_missing", message: "There is no keyring on this computer.", next_step: "Install one." };
  const program = await start({ ...DAY, add_storage: { failure }, keep_in_file: { ok: "Keys are kept in a file." } }, "storages");
  await page.getByRole("button", { name: "Add a storage" }).click();
  await page.getByRole("button", { name: "Amazon S3" }).click();
  for (const [label, value] of [["Bucket", "photos"], ["Access key", "AKIA"], ["Secret key", "secret"]] as const) await page.getByLabel(label).fill(value);
  await page.getByRole("button", { name: "Test and save" }).click();
  const keep = page.getByRole("button", { name: "Keep them there and go on" });
  await expect(keep).toHaveAttribute("aria-disabled", "true");
  await page.getByLabel("New passphrase").fill("correct horse");
  await page.getByLabel("The same again").fill("correct house");
  await expect(page.getByText("The two are not the same")).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel("The same again").fill("correct horse");
  await program.answer({ add_storage: { ok: storage("s3") } });
  await keep.click();
  expect(await program.waitForCall("keep_in_file")).toEqual({ passphrase: { text: "correct horse" } });
  await expect.poll(async () => (await program.asked("add_storage")).length).toBe(2);
  await expect(page.getByText("s3 was saved.")).toBeVisible();
});

test("a file that is there is opened with the passphrase it has", async ({ page, start }) => {
  const failure = { ...FAILURE, kind: "auth", cause: "keyring_missing", message: "There is no keyring on this computer.", next_step: "Install one." };
  const wrong = { ...FAILURE, cause: "wrong_passphrase", message: "This is not the passphrase of the saved passwords." };
  await start(
    { ...DAY, add_storage: { failure }, keep_in_file: { failure: wrong }, profile_settings: { ok: { ...PROFILE, has_secret_file: true } } },
    "storages",
  );
  await page.getByRole("button", { name: "Add a storage" }).click();
  await page.getByRole("button", { name: "Amazon S3" }).click();
  for (const [label, value] of [["Bucket", "photos"], ["Access key", "AKIA"], ["Secret key", "secret"]] as const) await page.getByLabel(label).fill(value);
  await page.getByRole("button", { name: "Test and save" }).click();
  await expect(page.getByText("There is one already, with other keys in it.")).toBeVisible();
  await expect(page.getByLabel("New passphrase")).toHaveCount(0);
  await page.getByLabel("Its passphrase").fill("correct house");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Keep them there and go on" }).click();
  await expect(page.getByText("This is not the passphrase of the saved passwords.")).toBeVisible();
});

test("a storage whose keyring is gone moves into the file once all its keys are typed anew", async ({ page, start }) => {
  const failure = { ...FAILURE, kind: "auth", cause: "keyring_missing", message: "There is no keyring on this computer.", next_step: "Install one." };
  const attic = storage("attic", { secrets: ["access_key_id", "secret_access_key"] });
  const program = await start(
    { ...DAY, storages: { ok: [attic] }, change_storage: { failure }, keep_in_file: { ok: "Keys are kept in a file." } },
    "storages",
  );
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Access key").fill("AKIA");
  await page.getByRole("button", { name: "Test and save" }).click();
  await expect(page.getByText("type all keys of this storage anew")).toBeVisible();
  await expect(page.getByLabel("New passphrase")).toHaveCount(0);
  await page.getByLabel("Secret key").fill("secret");
  await page.getByLabel("New passphrase").fill("correct horse");
  await page.getByLabel("The same again").fill("correct horse");
  await program.answer({ change_storage: { ok: attic } });
  await page.getByRole("button", { name: "Keep them there and go on" }).click();
  await expect(page.getByText("attic was saved.")).toBeVisible();
  expect(await program.waitForCall("change_storage")).toMatchObject({
    form: { name: "attic", secrets: { access_key_id: "AKIA", secret_access_key: "secret" }, store: "file" },
  });
});

/** Begins to add a Nextcloud, which waits for its sign-in. */
async function beginToAdd(page: Page, program: Program): Promise<void> {
  await page.getByRole("button", { name: "Nextcloud" }).click();
  await page.getByLabel("Address").fill("https://cloud.example.org");
  await page.getByRole("button", { name: "Sign in with your browser" }).click();
  await program.waitForCall("add_storage");
}

for (const [way, leave] of [
  ["Cancel", (page: Page) => page.getByRole("button", { name: "Cancel" }).click()],
  ["another page", (page: Page) => page.getByRole("link", { name: "Settings" }).click()],
] as const) {
  test(`whoever leaves by ${way} before the address is there wants no sign-in`, async ({ page, start }) => {
    const program = await start({ ...DAY, add_storage: "never" }, "storages");
    await page.getByRole("button", { name: "Add a storage" }).click();
    await beginToAdd(page, program);
    // A name that is typed meanwhile changes nothing.
    await page.getByLabel("Name", { exact: true }).fill("other");
    await leave(page);
    expect(await program.waitForCall("cancel")).toEqual({ request: 1 });
  });
}

test("what a form that was left began is cancelled, and takes the wizard nowhere when it ends", async ({ page, start }) => {
  const program = await start({ ...DAY, add_storage: "never" });
  await page.getByRole("button", { name: "New pair" }).click();
  await page.getByLabel("Path").fill("/home/noor/Pictures");
  await expect(page.getByText("is there and can be read")).toBeVisible();
  await page.getByRole("button", { name: "Continue" }).click();
  await beginToAdd(page, program);
  await page.getByRole("button", { name: "Back", exact: true }).click();
  expect(await program.waitForCall("cancel")).toEqual({ request: 1 });
  await program.finish("add_storage", storage("nextcloud"));
  await expect(page.getByLabel("Path")).toBeVisible();
  await expect(page.getByText("From phone")).toHaveCount(0);
});
