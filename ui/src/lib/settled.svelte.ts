/** Whether what is shown stands there long enough for a press to be meant for it. */

/** A press sooner than this was begun at what stood there before. */
const SETTLE_MS = 400;

/** Watches what is shown. Made while a component is; never settled while nothing is there. */
export class Settled {
  #since = $state(false);

  /** `shown` names what is there; empty if nothing is. */
  constructor(shown: () => string) {
    $effect(() => {
      this.#since = false;
      if (!shown()) return;
      const timer = setTimeout(() => (this.#since = true), SETTLE_MS);
      return () => clearTimeout(timer);
    });
  }

  /** Whether a press may decide about it. */
  get is(): boolean {
    return this.#since;
  }
}
