/** What can be chosen for a pair, in the order in which it is offered. */

export const MODES = ["two-way", "source-to-destination", "source-backup", "destination-to-source", "destination-backup"] as const;
export const CONFLICTS = ["keep-both", "newest-wins", "source-wins", "destination-wins", "larger-wins", "manual", "merge"] as const;
export const FIRST_SYNCS = ["merge", "source-wins", "destination-wins"] as const;

/** A mode. */
export type Mode = (typeof MODES)[number];
/** What happens where both sides changed. */
export type Conflict = (typeof CONFLICTS)[number];
