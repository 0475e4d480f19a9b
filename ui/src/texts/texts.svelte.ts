/** The catalogue: every text of the page. The program's tray and notifications read the same files. */
import type { Language } from "../bridge/generated";
import de from "./de.json";
import en from "./en.json";

/** What a text is found by. */
export type Key = keyof typeof en;
/** What stands for the gaps of a text. */
export type Values = Record<string, string | number>;

type Counted<K> = K extends `${infer Stem}.other` ? Stem : never;
/** What a text that depends on a number is found by. */
export type CountedKey = Counted<Key>;

const catalogues: Record<Language, Record<Key, string>> = { en, de };

let language = $state<Language>("en");

/** How its numbers and dates are written. */
export function currentLocale(): string {
  return { en: "en-GB", de: "de-DE" }[language];
}

/** Uses another language from now on. */
export function useLanguage(chosen: Language): void {
  language = chosen;
  document.documentElement.lang = chosen;
}

/** The text of a key, its gaps filled. */
export function t(key: Key, values: Values = {}): string {
  const text = catalogues[language][key];
  return text.replace(/\{(\w+)\}/g, (gap, name: string) => String(values[name] ?? gap));
}

/** The text for a number; `{n}` is the number as it is written in the language. */
export function tn(key: CountedKey, n: number, values: Values = {}): string {
  const form = new Intl.PluralRules(language).select(n) === "one" ? "one" : "other";
  return t(`${key}.${form}` as Key, { ...values, n: new Intl.NumberFormat(currentLocale()).format(n) });
}
