/** An answer that is on its way, there, or not to be had. */
import { failureOf } from "../bridge/call";
import type { Failure } from "../bridge/generated";

/** Asks once it is made, and again when told to. */
export class Asked<Answer> {
  answer = $state.raw<Answer | null>(null);
  failure = $state.raw<Failure | null>(null);
  readonly #ask: () => Promise<Answer>;
  #latest = 0;

  constructor(ask: () => Promise<Answer>) {
    this.#ask = ask;
    void this.again();
  }

  /** Asks again; what was answered stays until then. Of two questions the later one's answer counts. */
  async again(): Promise<void> {
    this.#latest += 1;
    const mine = this.#latest;
    try {
      const answer = await this.#ask();
      if (mine === this.#latest) {
        this.answer = answer;
        this.failure = null;
      }
    } catch (thrown) {
      if (mine === this.#latest) this.failure = failureOf(thrown);
    }
  }
}
