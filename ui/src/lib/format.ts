/** Numbers, sizes and times as a person reads them. */
import { currentLocale, t } from "../texts/texts.svelte";
import { present } from "./clock";

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/** 1842 as "1,842". */
export function count(n: number): string {
  return new Intl.NumberFormat(currentLocale()).format(n);
}

/** Bytes in powers of 1000, two figures over 10: "812 B", "6.4 GB", "64 GB". */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  const format = new Intl.NumberFormat(currentLocale(), {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return `${format.format(value)} ${UNITS[unit]}`;
}

/** "38 s ago", "14:02", "yesterday 18:20", "12 November". */
export function moment(at: string, now: Date = present()): string {
  const time = new Date(at);
  const seconds = Math.floor((now.getTime() - time.getTime()) / 1000);
  if (seconds >= 0 && seconds < 60) {
    return t("time.seconds_ago", { n: seconds });
  }
  const clock = new Intl.DateTimeFormat(currentLocale(), { hour: "2-digit", minute: "2-digit", hour12: false });
  const days = dayOf(now) - dayOf(time);
  if (days === 0) {
    return clock.format(time);
  }
  if (days === 1) {
    return t("time.yesterday", { clock: clock.format(time) });
  }
  const year = time.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return new Intl.DateTimeFormat(currentLocale(), { day: "numeric", month: "long", year }).format(time);
}

/** "14:02:05", for rows under a heading that says the day. */
export function clockTime(at: string): string {
  const format = { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false } as const;
  return new Intl.DateTimeFormat(currentLocale(), format).format(new Date(at));
}

function dayOf(time: Date): number {
  return Math.floor((time.getTime() - time.getTimezoneOffset() * 60_000) / 86_400_000);
}

/** The last name of a path, and the folder it lies in. */
export function splitPath(path: string): { name: string; folder: string } {
  const at = path.replace(/\/+$/, "").lastIndexOf("/");
  return at < 0 ? { name: path, folder: "" } : { name: path.slice(at + 1), folder: path.slice(0, at) };
}

/** A location as the program shows it: `STORAGE:PATH`, or a path on this computer. */
export function splitPlace(place: string): { storage: string | null; path: string } {
  const found = /^([a-z0-9][a-z0-9-]+):(.*)$/s.exec(place);
  return found ? { storage: found[1] ?? null, path: found[2] ?? "" } : { storage: null, path: place };
}

/** A name for a pair, from that of its folder: `[a-z0-9][a-z0-9-]+`, and none of those that are taken. */
export function nameFor(folder: string, taken: string[]): string {
  const plain = splitPath(folder).name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const stem = plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
  const base = stem.length < 2 ? `pair${stem && `-${stem}`}` : stem;
  let name = base;
  for (let n = 2; taken.includes(name); n += 1) {
    name = `${base}-${n}`;
  }
  return name;
}
