/** What the states of pairs, and storages, look like and in which order they stand. The words come from the program. */
import type { TypeView } from "../bridge/generated";
import type { IconName } from "../components/icons";

/** How a state is coloured; nothing at rest has a colour. */
export type Tone = "" | "move" | "warn" | "bad";

interface Look {
  tone: Tone;
  icon: IconName;
  /** The class of the line between the two ends. */
  link: string;
  order: number;
}

const looks: Record<string, Look> = {
  held: { tone: "warn", icon: "hand", link: "warn", order: 0 },
  sign_in: { tone: "warn", icon: "hand", link: "warn", order: 0 },
  stopped: { tone: "bad", icon: "cross", link: "bad", order: 1 },
  syncing: { tone: "move", icon: "sync", link: "move", order: 2 },
  looking: { tone: "move", icon: "search", link: "", order: 2 },
  waiting: { tone: "", icon: "pause", link: "off", order: 3 },
  paused: { tone: "", icon: "pause", link: "paused", order: 4 },
  problems: { tone: "", icon: "check", link: "", order: 5 },
  in_step: { tone: "", icon: "check", link: "", order: 5 },
};

const unknown: Look = { tone: "", icon: "info", link: "", order: 6 };

/** How a state looks. */
export function lookOf(state: string): Look {
  return looks[state] ?? unknown;
}

/** How a state is coloured. */
export function toneOf(state: string): Tone {
  return lookOf(state).tone;
}

/** The icon of a type of storage. */
export function iconOfType(type: TypeView | undefined): IconName {
  if (type?.name === "local") return "computer";
  return type?.family === "s3" ? "bucket" : "globe";
}
