/** Requests that can be cancelled: each has a number of its own, as long as the window is there. */
import { commands } from "../bridge/generated";

let last = 0;

/** The number of the next one. */
export function nextRequest(): number {
  last += 1;
  return last;
}

/** Cancels one that may be under way. Nobody waits for it any more, so nothing is said of it. */
export function cancel(request: number | null): void {
  if (request !== null) commands.cancel(request).catch(() => undefined);
}
