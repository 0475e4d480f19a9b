/** The present, for what ages while it is on the screen. */
import { createSubscriber } from "svelte/reactivity";

/** What ages is told anew so often, and only while it is shown. */
const EVERY_MS = 2_000;

const follow = createSubscriber((tell) => {
  const timer = setInterval(tell, EVERY_MS);
  return () => clearInterval(timer);
});

/** Now. What is shown of it is shown anew as time goes on. */
export function present(): Date {
  follow();
  return new Date();
}
