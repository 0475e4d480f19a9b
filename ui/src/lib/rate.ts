/** How fast a transfer is and how long it takes, from how far it is at each time. */

/** How far a transfer is, in bytes. */
export interface Sample {
  done: number;
  total: number;
}

/** Smooths over about this long. */
const WINDOW_MS = 5_000;

/** Watches one transfer. */
export class Rate {
  #samples: { at: number; done: number }[] = [];

  /** Notes how far it is at `at`, in milliseconds. A smaller number than before begins anew. */
  note(sample: Sample, at: number): void {
    const last = this.#samples.at(-1);
    if (last && sample.done < last.done) {
      this.#samples = [];
    }
    this.#samples.push({ at, done: sample.done });
    while ((this.#samples[1]?.at ?? at) < at - WINDOW_MS) {
      this.#samples.shift();
    }
  }

  /** Bytes a second; null while nothing can be said. */
  perSecond(): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.at - first.at < 500) {
      return null;
    }
    return ((last.done - first.done) * 1000) / (last.at - first.at);
  }

  /** Seconds to the end; null while nothing can be said. */
  secondsLeft(sample: Sample): number | null {
    const rate = this.perSecond();
    return rate ? Math.ceil((sample.total - sample.done) / rate) : null;
  }
}
