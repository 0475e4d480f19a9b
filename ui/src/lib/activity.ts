/** The journal as rows: a heading for each run, and its actions. */
import type { LogView } from "../bridge/generated";
import type { IconName } from "../components/icons";

/** A heading, or an action. */
export type Row = Run | { line: LogView };

/** The heading of a run. */
export interface Run {
  run: string;
  pair: string;
  at: string;
  lines: LogView[];
}

/** Lines oldest first with those that came since, each once. */
export function addActions(lines: LogView[], fresh: LogView[]): LogView[] {
  const known = new Set(lines.map((line) => line.id));
  return [...lines, ...fresh.filter((line) => !known.has(line.id))];
}

/** The rows of these lines, newest first. */
export function rowsOf(lines: LogView[]): Row[] {
  const rows: Row[] = [];
  let last: Run | undefined;
  for (const line of lines.toReversed()) {
    const run: Run = last?.run === line.run ? last : { run: line.run, pair: line.pair, at: line.at, lines: [] };
    if (run !== last) rows.push(run);
    run.lines.push(line);
    rows.push({ line });
    last = run;
  }
  return rows;
}

/** Whether a line is of the kind asked for. */
export function isOfKind(line: LogView, kind: string): boolean {
  const carries = ["create", "create_folder", "replace", "restore"].includes(line.kind);
  switch (kind) {
    case "sent":
      return carries && line.side === "destination";
    case "received":
      return carries && line.side === "source";
    case "deleted":
      return line.kind === "delete";
    case "failed":
      return line.outcome === "failed";
    default:
      return true;
  }
}

/** The icon of a line. */
export function iconOf(line: LogView): IconName {
  switch (line.kind) {
    case "delete":
      return "trash";
    case "move":
      return "move";
    case "adopt":
    case "forget":
    case "set_meta":
      return "check";
    case "restore":
      return "undo";
    default:
      return line.side === "destination" ? "send" : "receive";
  }
}
