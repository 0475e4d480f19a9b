/** Which page the window shows. */
import type { Page as Asked } from "../bridge/generated";

/** A page, the way to a new pair, or what was chosen for one. */
export type Page = Asked | "activity" | "settings" | "wizard" | "pair";

/** In the order of the navigation and of Ctrl+1 to 6. */
export const PAGES = ["overview", "activity", "conflicts", "held", "storages", "settings"] as const;

const [asked, of = ""] = location.hash.slice(1).split("/") as [Page, string?];
let page = $state<Page>((PAGES as readonly string[]).includes(asked) ? asked : "overview");
let about = $state(decodeURIComponent(of));
let visits = $state(0);

/** The page shown. */
export function currentPage(): Page {
  return page;
}

/** What on the page was asked for: a pair, a storage; empty if nothing was. */
export function subject(): string {
  return about;
}

/** Shows a page, and on it what was asked for. */
export function goTo(next: Page, what = ""): void {
  page = next;
  about = what;
}

/** Shows what was asked for from outside, also where its page is shown already. */
export function open(next: Page, what: string): void {
  goTo(next, what);
  if (what) visits += 1;
}

/** Changes whenever a page is to be shown anew. */
export function visit(): number {
  return visits;
}
