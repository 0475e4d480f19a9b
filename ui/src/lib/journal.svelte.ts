/** The lines of the journal that a page lists, as rows: those it was answered, and those that came since. */
import type { LogView } from "../bridge/generated";
import { addRows, rowsOf, type Row } from "./activity";

/** So many lines are kept at least; of those that come the oldest go. */
const MOST = 100_000;
/** So many more are kept before the oldest go, for that is done to all at once. */
const SLACK = 10_000;

/** Oldest first within, newest first in the rows. */
export class Journal {
  /** What is listed. */
  rows = $state.raw<Row[]>([]);
  /** How many lines are listed. */
  listed = $state(0);
  /** How many lines there are, listed or not. */
  known = $state(0);
  /** How many came that are not listed while nothing may move. */
  waiting = $state(0);
  #lines: LogView[] = [];
  #byId = new Map<string, LogView>();
  /** Those that came since. */
  #told = new Set<string>();
  #held: LogView[] | null = null;
  #wants: (line: LogView) => boolean = () => true;

  /** Begins with these lines. What came since they were asked for stays. */
  begin(lines: LogView[]): void {
    const ids = new Set(lines.map((line) => line.id));
    const oldest = lines[0] ? Date.parse(lines[0].at) : 0;
    const since = this.#lines.filter((line) => this.#told.has(line.id) && !ids.has(line.id) && Date.parse(line.at) >= oldest);
    this.#told = new Set(since.map((line) => line.id));
    this.#take([...lines, ...since]);
  }

  /** Adds lines that are new, oldest first; one that is told twice is there once. */
  add(fresh: LogView[]): void {
    const news = fresh.filter((line) => !this.#byId.has(line.id));
    for (const line of news) this.#byId.set(line.id, line);
    if (this.#held) {
      this.#held.push(...news);
      this.waiting = this.#held.length;
      return;
    }
    for (const line of news) this.#told.add(line.id);
    if (this.#lines.length + news.length > MOST + SLACK) {
      const kept = [...this.#lines, ...news].slice(-MOST);
      this.#told = new Set(kept.flatMap((line) => (this.#told.has(line.id) ? [line.id] : [])));
      this.#take(kept);
      return;
    }
    this.#lines.push(...news);
    const wanted = news.filter(this.#wants);
    this.known = this.#lines.length;
    this.listed += wanted.length;
    if (wanted.length) this.rows = addRows(this.rows, wanted);
  }

  /** Lists only what is wanted. */
  list(wants: (line: LogView) => boolean): void {
    this.#wants = wants;
    this.#list();
  }

  /** Leaves each row where it is until it is let go: a person is about to press one. */
  hold(): void {
    this.#held ??= [];
  }

  /** Lists what came meanwhile. */
  letGo(): void {
    const held = this.#held ?? [];
    this.#held = null;
    this.waiting = 0;
    for (const line of held) this.#byId.delete(line.id);
    if (held.length) this.add(held);
  }

  /** The line of this id. */
  line(id: string): LogView | null {
    return this.#byId.get(id) ?? null;
  }

  #take(lines: LogView[]): void {
    this.#lines = lines;
    this.#byId = new Map([...lines, ...(this.#held ?? [])].map((line) => [line.id, line]));
    this.#list();
  }

  #list(): void {
    const wanted = this.#lines.filter(this.#wants);
    this.known = this.#lines.length;
    this.listed = wanted.length;
    this.rows = rowsOf(wanted);
  }
}
