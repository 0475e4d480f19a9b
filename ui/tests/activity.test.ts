import { expect, test } from "vitest";
import type { LogView } from "../src/bridge/generated";
import { addRows, idOf, isOfKind, rowsOf } from "../src/lib/activity";
import { Journal } from "../src/lib/journal.svelte";

function line(id: number, run: number, part: Partial<LogView> = {}): LogView {
  return {
    id: `a:${id}`,
    run: `a:${run}`,
    pair: "a",
    at: "2026-11-20T14:02:05Z",
    kind: "create",
    side: "destination",
    path: `${id}.txt`,
    to: null,
    bytes: 1,
    why: "",
    reason: "",
    outcome: "done",
    error: null,
    undoable: true,
    ...part,
  };
}

test("each run has a heading, the newest first", () => {
  const rows = rowsOf([line(1, 1), line(2, 1), line(3, 2)]);
  const shape = rows.map((row) => ("run" in row ? `${row.run} ${row.lines.length}` : row.line.id));
  expect(shape).toEqual(["a:2 1", "a:3", "a:1 2", "a:2", "a:1"]);
});

/** The ids of what is listed, headings left out. */
function listed(journal: Journal): string[] {
  return journal.rows.flatMap((row) => ("line" in row ? [row.line.id] : []));
}

test("a line that is told twice is there once", () => {
  const journal = new Journal();
  journal.begin([line(1, 1)]);
  journal.add([line(1, 1), line(2, 1)]);
  journal.add([line(2, 1)]);
  expect(listed(journal)).toEqual(["a:2", "a:1"]);
  // Also where what was told is answered later.
  journal.begin([line(1, 1), line(2, 1)]);
  expect(listed(journal)).toEqual(["a:2", "a:1"]);
});

test("lines that come make the same rows as if they had always been there", () => {
  const all = [line(1, 1), line(2, 1), line(3, 1), line(4, 2), line(5, 2), line(6, 3)];
  for (let known = 0; known <= all.length; known += 1) {
    expect(addRows(rowsOf(all.slice(0, known)), all.slice(known)), String(known)).toEqual(rowsOf(all));
  }
});

test("a row is told by the same name when more lines come above it", () => {
  const before = rowsOf([line(1, 1), line(2, 1)]).map(idOf);
  const after = rowsOf([line(1, 1), line(2, 1), line(3, 1)]).map(idOf);
  expect(after).toEqual([before[0], "a:3", ...before.slice(1)]);
});

test("while a person is about to press a row, what comes waits", () => {
  const journal = new Journal();
  journal.begin([line(1, 1)]);
  journal.hold();
  journal.add([line(2, 1), line(3, 1)]);
  expect([listed(journal), journal.waiting]).toEqual([["a:1"], 2]);
  journal.letGo();
  expect([listed(journal), journal.waiting, journal.known]).toEqual([["a:3", "a:2", "a:1"], 0, 3]);
});

test("only what is wanted is listed, also of what comes", () => {
  const journal = new Journal();
  journal.begin([line(1, 1), line(2, 1)]);
  journal.list(({ path }) => path !== "1.txt" && path !== "3.txt");
  journal.add([line(3, 1), line(4, 1)]);
  expect([listed(journal), journal.listed, journal.known]).toEqual([["a:4", "a:2"], 2, 4]);
});

test("a window that stays open for weeks keeps no more than can be listed", () => {
  const journal = new Journal();
  for (let n = 0; n < 130; n += 1) {
    journal.add(Array.from({ length: 1000 }, (_, m) => line(n * 1000 + m, n)));
  }
  expect(journal.known).toBeLessThanOrEqual(110_000);
  expect(listed(journal)[0]).toBe("a:129999");
});

test("a line is of the kind that it reads", () => {
  expect(isOfKind(line(1, 1), "sent")).toBe(true);
  expect(isOfKind(line(1, 1, { side: "source" }), "received")).toBe(true);
  expect(isOfKind(line(1, 1, { kind: "delete" }), "sent")).toBe(false);
  expect(isOfKind(line(1, 1, { outcome: "failed" }), "failed")).toBe(true);
});
