/** How the pairs are, as the program tells it. */
import { failureOf, on } from "../bridge/call";
import { commands, type Overview } from "../bridge/generated";
import { Rate } from "./rate";

const nothing: Overview = { heading: "", pairs: [], owner: null, failure: null, is_known: false };

let overview = $state.raw<Overview>(nothing);
const rates = new Map<string, Rate>();

/** How the pairs are now. */
export function current(): Overview {
  return overview;
}

/** How fast a pair's transfers are. */
export function rateOf(pair: string): Rate | undefined {
  return rates.get(pair);
}

function take(next: Overview): void {
  for (const pair of next.pairs) {
    if (pair.progress) {
      const rate = rates.get(pair.name) ?? new Rate();
      rate.note({ done: pair.progress.bytes_done, total: pair.progress.bytes_total }, Date.now());
      rates.set(pair.name, rate);
    } else {
      rates.delete(pair.name);
    }
  }
  overview = next;
}

/** Keeps it up to date until the function returned is called. */
export function follow(): () => void {
  const stop = on("overview", take);
  commands.overview().then(take, (thrown: unknown) => take({ ...overview, failure: failureOf(thrown) }));
  return stop;
}
