/** Short news that needs no decision. */
import { failureOf } from "../bridge/call";

/** One of them, with what can be done about it. */
export interface Toast {
  id: number;
  text: string;
  label?: string;
  act?: () => void;
}

const SHOWN_MS = 8_000;

let toasts = $state.raw<Toast[]>([]);
let last = 0;

/** Those that are shown. */
export function current(): Toast[] {
  return toasts;
}

/** Shows one for a while. */
export function say(text: string, label?: string, act?: () => void): void {
  last += 1;
  const toast = { id: last, text, label, act };
  toasts = [...toasts, toast];
  setTimeout(() => dismiss(toast.id), SHOWN_MS);
}

/** Takes one away. */
export function dismiss(id: number): void {
  toasts = toasts.filter((toast) => toast.id !== id);
}

/** Does something, and says so if it did not work. True if it did. */
export async function attempt(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (thrown) {
    const failure = failureOf(thrown);
    say(`${failure.message} ${failure.next_step}`.trim());
    return false;
  }
}
