/** What a person chose for the window, and its effect on it. */
import { failureOf } from "../bridge/call";
import { commands, type Failure, type Settings, type SettingsView } from "../bridge/generated";
import { useLanguage } from "../texts/texts.svelte";
import { attempt } from "./toasts.svelte";

let view = $state.raw<SettingsView | null>(null);
let failure = $state.raw<Failure | null>(null);

/** What was chosen; null until it is read. */
export function settings(): SettingsView | null {
  return view;
}

/** Why it cannot be read. */
export function settingsFailure(): Failure | null {
  return failure;
}

function take(next: SettingsView): void {
  view = next;
  useLanguage(next.settings.language);
  const root = document.documentElement;
  if (next.settings.appearance === "system") {
    delete root.dataset.theme;
  } else {
    root.dataset.theme = next.settings.appearance;
  }
}

/** Reads it. */
export async function loadSettings(): Promise<void> {
  try {
    take(await commands.settings());
    failure = null;
  } catch (thrown) {
    failure = failureOf(thrown);
  }
}

/** Changes some of it. */
export async function change(part: Partial<Settings>): Promise<void> {
  const now = view;
  if (now) {
    await attempt(async () => take(await commands.changeSettings({ ...now.settings, ...part })));
  }
}

/** Starts with the session, or not any more. */
export async function setAutostart(on: boolean): Promise<void> {
  await attempt(async () => take(await commands.setAutostart(on)));
}
