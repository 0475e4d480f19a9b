import { beforeEach, expect, test } from "vitest";
import { count, moment, nameFor, size, splitPath, splitPlace } from "../src/lib/format";
import { useLanguage } from "../src/texts/texts.svelte";

beforeEach(() => useLanguage("en"));

test.each([
  [0, "0 B"],
  [812, "812 B"],
  [6_400_000_000, "6.4 GB"],
  [64_000_000, "64 MB"],
  [999_600, "1.0 MB"],
])("%d bytes read %s", (bytes, text) => {
  expect(size(bytes)).toBe(text);
});

test("numbers are written as the language writes them", () => {
  expect(count(1842)).toBe("1,842");
  useLanguage("de");
  expect(count(1842)).toBe("1.842");
  expect(size(6_400_000_000)).toBe("6,4 GB");
});

test("a moment is said the shorter the nearer it is", () => {
  const now = new Date(2026, 10, 20, 14, 30, 0);
  const at = (...time: [number, number, number, number, number]) => moment(new Date(...time).toISOString(), now);
  expect(moment(new Date(now.getTime() - 38_000).toISOString(), now)).toBe("38 s ago");
  expect(at(2026, 10, 20, 14, 2)).toBe("14:02");
  expect(at(2026, 10, 19, 18, 20)).toBe("yesterday 18:20");
  expect(at(2026, 10, 12, 9, 0)).toBe("12 November");
  expect(at(2025, 10, 12, 9, 0)).toBe("12 November 2025");
});

test("a place is a storage with a path, or a path on this computer", () => {
  expect(splitPlace("attic:photos/2019")).toEqual({ storage: "attic", path: "photos/2019" });
  expect(splitPlace("/home/noor/a:b")).toEqual({ storage: null, path: "/home/noor/a:b" });
  expect(splitPath("a/b/c.txt")).toEqual({ name: "c.txt", folder: "a/b" });
  expect(splitPath("c.txt")).toEqual({ name: "c.txt", folder: "" });
});

test.each([
  ["/home/noor/Work Clients", [], "work-clients"],
  ["/home/noor/Äpfel", ["apfel"], "apfel-2"],
  ["/home/noor/日本", [], "pair"],
  ["/", [], "pair"],
  ["/x", [], "pair-x"],
])("the pair of %s is named", (folder, taken, name) => {
  expect(nameFor(folder, taken)).toBe(name);
});
