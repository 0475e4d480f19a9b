/** What can be chosen for a pair, in the order in which it is offered. */

import { t, tn } from "../texts/texts.svelte";

export const MODES = ["two-way", "source-to-destination", "source-backup", "destination-to-source", "destination-backup"] as const;
export const CONFLICTS = ["keep-both", "newest-wins", "source-wins", "destination-wins", "larger-wins", "manual", "merge"] as const;
export const FIRST_SYNCS = ["merge", "source-wins", "destination-wins"] as const;

const VERSION_DAYS = [7, 30, 90, 365];

/** For how many days older versions can be kept; 0 is not at all. A number that was chosen elsewhere stands among them. */
export function versionChoices(chosen: number | null): { value: string; text: string }[] {
  const days = [...new Set([...VERSION_DAYS, ...(chosen ? [chosen] : [])])].sort((a, b) => a - b);
  return [...days.map((n) => ({ value: String(n), text: tn("carry.days", n) })), { value: "0", text: t("carry.no_versions") }];
}

/** A mode. */
export type Mode = (typeof MODES)[number];
/** What happens where both sides changed. */
export type Conflict = (typeof CONFLICTS)[number];
