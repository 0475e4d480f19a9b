/** Decides conflicts, and finds in the journal what that did, so that it can be undone. */
import { failureOf } from "../bridge/call";
import { commands, type ConflictView, type Failure, type KeepSide, type LogView, type SeenVersions } from "../bridge/generated";

/** A decision about what a person saw. */
export interface Decision {
  conflict: ConflictView;
  keep: KeepSide;
  seen: SeenVersions;
}

/** What decisions came to. */
export interface Decided {
  /** The conflicts that are decided. */
  conflicts: ConflictView[];
  /** What the program says of the last. */
  sentence: string;
  /** The runs that undo it, in the order to undo them in. */
  runs: string[];
  /** Why some are not decided. */
  failure: Failure | null;
}

/** After these nothing else will work either. */
const ENDS = ["transient", "auth"];
/** A decision makes no more lines than this. */
const LINES_EACH = 10;

/** Decides one after the other. What one cannot be decided for does not stop the others. */
export async function decideAll(decisions: Decision[]): Promise<Decided> {
  const pairs = [...new Set(decisions.map(({ conflict }) => conflict.pair))];
  const before = new Map(await Promise.all(pairs.map(async (pair) => [pair, await newestOf(pair)] as const)));
  const decided: Decided = { conflicts: [], sentence: "", runs: [], failure: null };
  for (const { conflict, keep, seen } of decisions) {
    try {
      decided.sentence = await commands.resolve(conflict.id, keep, seen);
      decided.conflicts.push(conflict);
    } catch (thrown) {
      decided.failure ??= failureOf(thrown);
      if (ENDS.includes(decided.failure.kind)) break;
    }
  }
  for (const pair of pairs) {
    const paths = new Set(decided.conflicts.flatMap((one) => (one.pair === pair ? [one.path, ...(one.copy === null ? [] : [one.copy])] : [])));
    decided.runs.push(...(await runsOf(pair, before.get(pair) ?? null, paths)));
  }
  return decided;
}

/** The number of a pair's newest line; none if that is not known. */
async function newestOf(pair: string): Promise<number | null> {
  try {
    const { lines } = await commands.activity(pair, 1);
    return lines.reduce((most, line) => Math.max(most, numberOf(line)), 0);
  } catch {
    return null;
  }
}

/** The runs after a line in which these paths were changed because a person chose so, newest first. */
async function runsOf(pair: string, after: number | null, paths: Set<string>): Promise<string[]> {
  if (after === null || paths.size === 0) return [];
  try {
    const { lines } = await commands.activity(pair, 100 + paths.size * LINES_EACH);
    const chosen = lines.filter((line) => numberOf(line) > after && line.why === "chosen" && line.undoable && paths.has(line.path));
    return [...new Set(chosen.map((line) => line.run))].reverse();
  } catch {
    // What was decided stands; it can be undone from the page Activity.
    return [];
  }
}

/** `PAIR:NUMBER`: the number. */
function numberOf(line: LogView): number {
  return Number(line.id.slice(line.id.lastIndexOf(":") + 1));
}
