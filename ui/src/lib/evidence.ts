/** What a guard compared before it held a plan, in words. */
import { t, type Key } from "../texts/texts.svelte";
import { count, size } from "./format";

/** What is counted, in the order in which it is told. */
const COUNTS = ["deletes", "edited", "older", "base_items", "copies", "of_one"] as const;
/** What is told in bytes. */
const SIZES = ["needed", "free", "limit", "kept"] as const;

/** Each as its name and its value; `placeOf` says where a side is. What has no name here stands as the guard calls it. */
export function factsOf(evidence: Record<string, string>, placeOf: (side: string) => string): { name: string; value: string }[] {
  const facts: { name: string; value: string }[] = [];
  const known = new Set<string>(["side", ...COUNTS, ...SIZES]);
  const tell = (key: string, shown: (value: string) => string): void => {
    const value = evidence[key];
    if (value !== undefined) facts.push({ name: known.has(key) ? t(`evidence.${key}` as Key) : key, value: shown(value) });
  };
  tell("side", placeOf);
  for (const key of COUNTS) tell(key, (value) => count(Number(value)));
  for (const key of SIZES) tell(key, (value) => size(Number(value)));
  for (const key of Object.keys(evidence).filter((key) => !known.has(key))) tell(key, String);
  return facts;
}
