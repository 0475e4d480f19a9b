/** The pair that is being made, as far as it is known. */
import { commands, type Failure, type Location, type PairSettings, type PreviewView } from "../bridge/generated";

/** The steps, in order. */
export const STEPS = ["folder", "storage", "remote", "carry", "holds", "preview"] as const;
/** A step. */
export type Step = (typeof STEPS)[number];

/** What is chosen so far. */
export class Draft {
  step = $state<Step>("folder");
  /** The folder on this computer; empty until it is known to be there. */
  folder = $state("");
  /** The name of the other end's storage; `local` is this computer. */
  storage = $state("");
  /** The folder on it. */
  remote = $state("");
  settings = $state<PairSettings>({
    mode: "two-way",
    conflict: "keep-both",
    first_sync: "merge",
    patterns: [],
    junk_out: true,
    hidden: true,
    chosen: [],
    largest: null,
    oldest: null,
    version_days: 30,
    upload: null,
    download: null,
  });
  /** The name of the pair once it is made, and until it is started. */
  made = $state("");
  preview = $state.raw<PreviewView | null>(null);
  failure = $state.raw<Failure | null>(null);
  busy = $state(false);

  /** Begins with what was chosen for new pairs. Where that cannot be read, what is usual stays. */
  async beginAsNewPairsDo(): Promise<void> {
    try {
      const { settings } = await commands.profileSettings();
      this.settings.version_days = settings.version_days;
      this.settings.patterns = settings.patterns;
    } catch {
      // Whatever is wrong is said when the pair is made.
    }
  }

  /** The other end. */
  destination(): Location {
    return { storage: this.storage, path: this.remote };
  }

  /** The other end, as it is shown. */
  shownDestination(): string {
    return this.storage === "local" ? this.remote : `${this.storage}:${this.remote}`;
  }

  /** Goes on to another step. */
  go(step: Step): void {
    this.step = step;
    this.failure = null;
  }
}
