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

/** The rows with those of lines that came since, oldest first, above them. */
export function addRows(rows: Row[], fresh: LogView[]): Row[] {
  const above = rowsOf(fresh);
  const [top] = rows;
  const last = above.findLast((row) => "run" in row);
  if (!last || !top || !("run" in top) || top.run !== last.run) return [...above, ...rows];
  // The run goes on: one heading speaks for all of it.
  const whole = { ...last, lines: [...last.lines, ...top.lines] };
  return [...above.map((row) => (row === last ? whole : row)), ...rows.slice(1)];
}

/** What a row is told from all others by, also when lines come. */
export function idOf(row: Row): string {
  return "run" in row ? `run ${row.lines.at(-1)?.id ?? row.run}` : row.line.id;
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
