/** What can be chosen for a pair, in the order in which it is offered. */

import { t, tn } from "../texts/texts.svelte";
import { size } from "./format";

export const MODES = ["two-way", "source-to-destination", "source-backup", "destination-to-source", "destination-backup"] as const;
export const CONFLICTS = ["keep-both", "newest-wins", "source-wins", "destination-wins", "larger-wins", "manual", "merge"] as const;
export const FIRST_SYNCS = ["merge", "source-wins", "destination-wins"] as const;

const VERSION_DAYS = [7, 30, 90, 365];

/** For how many days older versions can be kept; 0 is not at all. A number that was chosen elsewhere stands among them. */
export function versionChoices(chosen: number | null): { value: string; text: string }[] {
  const days = [...new Set([...VERSION_DAYS, ...(chosen ? [chosen] : [])])].sort((a, b) => a - b);
  return [...days.map((n) => ({ value: String(n), text: tn("carry.days", n) })), { value: "0", text: t("carry.no_versions") }];
}

const LARGEST = [10e6, 100e6, 1e9, 4e9, 10e9];
const SPEEDS = [100e3, 500e3, 1e6, 2e6, 5e6, 10e6, 50e6];

/** From which size on files are left out, in bytes; 0 is never. A number that was chosen elsewhere stands among them. */
export function sizeChoices(chosen: number | null): { value: string; text: string }[] {
  return choicesOf(LARGEST, chosen, (bytes) => t("carry.larger_than", { size: size(bytes) }), t("carry.any_size"));
}

const DAY = 86_400;
const OLDEST = [7 * DAY, 30 * DAY, 90 * DAY, 365 * DAY];

/** How long ago a file may have been changed, in seconds; 0 is any time. A number that was chosen elsewhere stands among them. */
export function ageChoices(chosen: number | null): { value: string; text: string }[] {
  return choicesOf(OLDEST, chosen, (secs) => t("carry.older_than", { age: age(secs) }), t("carry.any_age"));
}

/** A length of time in days, or in hours where it is no number of days. */
export function age(secs: number): string {
  return secs % DAY ? tn("carry.hours", Math.ceil(secs / 3600)) : tn("carry.days", secs / DAY);
}

/** How fast bytes go, a second; 0 is as fast as can be. A number that was chosen elsewhere stands among them. */
export function speedChoices(chosen: number | null): { value: string; text: string }[] {
  return choicesOf(SPEEDS, chosen, (bytes) => t("settings.speed", { size: size(bytes) }), t("settings.no_limit"));
}

function choicesOf(usual: number[], chosen: number | null, say: (n: number) => string, none: string): { value: string; text: string }[] {
  const all = [...new Set([...usual, ...(chosen ? [chosen] : [])])].sort((a, b) => a - b);
  return [{ value: "0", text: none }, ...all.map((n) => ({ value: String(n), text: say(n) }))];
}

/** A mode. */
export type Mode = (typeof MODES)[number];
/** What happens where both sides changed. */
export type Conflict = (typeof CONFLICTS)[number];
/** Who wins on the first sync. */
export type FirstSync = (typeof FIRST_SYNCS)[number];
