import { expect, test } from "vitest";
import type { LogView } from "../src/bridge/generated";
import { addActions, isOfKind, rowsOf } from "../src/lib/activity";

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

test("a line that is told twice is there once", () => {
  const all = addActions([line(1, 1)], [line(1, 1), line(2, 1)]);
  expect(all.map(({ id }) => id)).toEqual(["a:1", "a:2"]);
});

test("a line is of the kind that it reads", () => {
  expect(isOfKind(line(1, 1), "sent")).toBe(true);
  expect(isOfKind(line(1, 1, { side: "source" }), "received")).toBe(true);
  expect(isOfKind(line(1, 1, { kind: "delete" }), "sent")).toBe(false);
  expect(isOfKind(line(1, 1, { outcome: "failed" }), "failed")).toBe(true);
});
