/** How fast a transfer is and how long it takes, from how far it is at each time. */

/** How far a transfer is, in bytes. */
export interface Sample {
  done: number;
  total: number;
}

/** Smooths over about this long. */
const WINDOW_MS = 5_000;
/** Without a byte for so long it stands still. */
const STILL_MS = 5_000;

/** Watches one transfer. */
export class Rate {
  #samples: { at: number; done: number }[] = [];
  /** When bytes were last carried. */
  #moved = 0;

  /** Notes how far it is at `at`, in milliseconds. A smaller number than before begins anew. */
  note(sample: Sample, at: number): void {
    const last = this.#samples.at(-1);
    if (last && sample.done < last.done) {
      this.#samples = [];
    }
    if (last?.done !== sample.done) this.#moved = at;
    this.#samples.push({ at, done: sample.done });
    while ((this.#samples[1]?.at ?? at) < at - WINDOW_MS) {
      this.#samples.shift();
    }
  }

  /** Bytes a second as of `now`, in milliseconds; null while nothing can be said, or nothing moves. */
  perSecond(now: number): number | null {
    if (now - this.#moved > STILL_MS) return null;
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.at - first.at < 500) {
      return null;
    }
    return ((last.done - first.done) * 1000) / (last.at - first.at);
  }

  /** Seconds to the end as of `now`; null while nothing can be said, or nothing moves. */
  secondsLeft(sample: Sample, now: number): number | null {
    const rate = this.perSecond(now);
    // A file that grew meanwhile may be more than was counted.
    return rate ? Math.ceil(Math.max(0, sample.total - sample.done) / rate) : null;
  }
}
