import { beforeEach, expect, test } from "vitest";
import en from "../src/texts/en.json";
import { t, tn, useLanguage } from "../src/texts/texts.svelte";

beforeEach(() => useLanguage("en"));

test("gaps are filled, and what is put in is no text of ours", () => {
  expect(t("remove.title", { pair: "{pair}" })).toBe("Remove the pair “{pair}”?");
  expect(tn("conflict.heading", 1)).toBe("1 conflict");
  expect(tn("conflict.heading", 1842)).toBe("1,842 conflicts");
});

test("no text stands in a component", () => {
  const files = import.meta.glob<string>("../src/**/*.svelte", { query: "?raw", import: "default", eager: true });
  expect(Object.keys(files).length).toBeGreaterThan(20);
  for (const [name, source] of Object.entries(files)) {
    const markup = source.replace(/<script[\s\S]*?<\/script>|<!--[\s\S]*?-->/g, "");
    const words = markup.match(/>\s*[A-Z][a-z]+ [a-z]+[^<{]*</g) ?? [];
    expect(words, name).toEqual([]);
  }
});

test("sentences keep to the tone of the house", () => {
  for (const [key, text] of Object.entries(en)) {
    expect(text, key).not.toMatch(/!|please|oops|invalid|\bwe\b|failed/i);
  }
});
