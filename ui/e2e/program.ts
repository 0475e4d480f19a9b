/** The program behind the page, played: what each command answers, what it was asked, and events. */
import { readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { expect, test as base, type Page } from "@playwright/test";
import type { Events, Failure } from "../src/bridge/generated";

/** What a command comes to: always the same, by the value of an argument, or by turns, the last of which stays. */
export type Answer =
  | { ok: unknown }
  | { failure: Failure }
  | "never"
  | { lines: number }
  | { by: string; answers: Record<string, Answer> }
  | { turns: Answer[] };

/** By the command's name. One that is not named answers with nothing. */
export type Answers = Record<string, Answer>;

/** A call of the page. */
export interface Call {
  command: string;
  args: Record<string, unknown>;
}

interface Played {
  answers: Answers;
  /** What a command that is answered "never" waits for after all. */
  waiting: Record<string, (answer: unknown) => void>;
  calls: Call[];
}

declare global {
  interface Window {
    played: Played;
    __TAURI_INTERNALS__: { invoke: (command: string, args: unknown) => Promise<unknown> };
  }
}

/** Where the page is served from. Nothing listens there: Playwright answers from `dist`. */
const HOME = "http://tauri.localhost";
const DIST = join(import.meta.dirname, "../dist");
const MOCKS = readFileSync(join(import.meta.dirname, "../node_modules/@tauri-apps/api/mocks.cjs"), "utf8");
const TYPES: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

/** The policy that the program sends with each page. */
function policy(): string {
  const file = readFileSync(join(import.meta.dirname, "../../crates/desktop/tauri.conf.json"), "utf8");
  const config = JSON.parse(file) as { app: { security: { csp: Record<string, string> } } };
  return Object.entries(config.app.security.csp)
    .map(([what, from]) => `${what} ${from}`)
    .join("; ");
}

/** Answers the page's calls. Runs in the page, before anything of its own. */
function play(answers: Answers): void {
  const played: Played = { answers, waiting: {}, calls: [] };
  window.played = played;
  const line = (n: number) => ({
    id: `archive:${n}`,
    run: `archive:${Math.floor(n / 1000)}`,
    pair: "archive",
    at: new Date(Date.now() - (100_000 - n) * 1000).toISOString(),
    kind: "create",
    side: "destination",
    path: `2019/Kyoto/${n}.jpg`,
    to: null,
    bytes: n,
    why: "new",
    reason: "It is new on this computer.",
    outcome: "done",
    error: null,
    undoable: true,
  });
  const answer = (command: string, args?: unknown) => {
    played.calls.push({ command, args: (args ?? {}) as Record<string, unknown> });
    let found = played.answers[command];
    while (typeof found === "object" && ("by" in found || "turns" in found)) {
      if ("by" in found) found = found.answers[String((args as Record<string, unknown>)[found.by])];
      else found = found.turns.length > 1 ? found.turns.shift() : found.turns[0];
    }
    if (found === undefined) return null;
    if (found === "never") return new Promise((resolve) => (played.waiting[command] = resolve));
    if ("failure" in found) return Promise.reject(found.failure);
    if ("lines" in found) return { lines: Array.from({ length: found.lines }, (_, n) => line(n)), older_left_out: false };
    return found.ok;
  };
  (globalThis as unknown as { exports: { mockIPC: (answer: unknown, options: object) => void } }).exports.mockIPC(answer, {
    shouldMockEvents: true,
  });
}

/** A page that talks to a played program. */
export class Program {
  private constructor(readonly page: Page) {}

  /** Shows the page as the program would, on `at`. What a page must never do is noted in `wrong`. */
  static async start(page: Page, answers: Answers, at: string, wrong: string[]): Promise<Program> {
    page.on("pageerror", (error) => wrong.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") wrong.push(message.text());
    });
    page.on("dialog", (dialog) => {
      wrong.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("framenavigated", (frame) => {
      if (!frame.url().startsWith(HOME)) wrong.push(`went to ${frame.url()}`);
    });
    const csp = policy();
    await page.route("**/*", async (route) => {
      const url = new URL(route.request().url());
      if (url.origin !== HOME) {
        wrong.push(`asked for ${url.href}`);
        return route.abort();
      }
      const path = join(DIST, url.pathname);
      const contentType = TYPES[extname(path)] ?? "application/octet-stream";
      return route.fulfill({ path, contentType, headers: { "Content-Security-Policy": csp } });
    });
    await page.addInitScript(`globalThis.exports = {};\n(() => { ${MOCKS} })();\n(${play.toString()})(${JSON.stringify(answers)});`);
    await page.goto(`${HOME}/index.html#${at}`);
    return new Program(page);
  }

  /** From now on these commands answer so. */
  async answer(answers: Answers): Promise<void> {
    await this.page.evaluate((more) => Object.assign(window.played.answers, more), answers);
  }

  /** Answers a command now that was to be answered "never". */
  async finish(command: string, answer: unknown): Promise<void> {
    await this.page.evaluate(([of, what]) => window.played.waiting[of]?.(what), [command, answer] as const);
  }

  /** Tells the page something, as the program does. */
  async tell<Name extends keyof Events>(event: Name, payload: Events[Name]): Promise<void> {
    await this.page.evaluate(
      ([name, what]) => window.__TAURI_INTERNALS__.invoke("plugin:event|emit", { event: name, payload: what }),
      [event, payload] as const,
    );
  }

  /** What the page asked for by `command`, as often as it did. */
  async asked(command: string): Promise<Record<string, unknown>[]> {
    const calls = await this.page.evaluate(() => window.played.calls);
    return calls.filter((call) => call.command === command).map((call) => call.args);
  }

  /** Waits until the page has asked for `command`, and says with what it did last. */
  async waitForCall(command: string): Promise<Record<string, unknown>> {
    await expect.poll(async () => (await this.asked(command)).length, { message: command }).toBeGreaterThan(0);
    return (await this.asked(command)).at(-1) ?? {};
  }
}

/** Shows the page with these answers; on the overview if nothing else is said. */
type Start = (answers: Answers, at?: string) => Promise<Program>;

/** A test of the page. At its end the page must have said nothing on its console and reached for nothing. */
export const test = base.extend<{ start: Start }>({
  start: async ({ page }, use) => {
    const wrong: string[] = [];
    await use((answers, at = "overview") => Program.start(page, answers, at, wrong));
    expect(wrong, "no error, no dialog, nothing from elsewhere").toEqual([]);
  },
});
