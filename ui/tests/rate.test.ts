import { expect, test } from "vitest";
import { Rate } from "../src/lib/rate";

test("nothing is said before there is something to say", () => {
  const rate = new Rate();
  expect(rate.perSecond(0)).toBeNull();
  rate.note({ done: 0, total: 10 }, 0);
  rate.note({ done: 5, total: 10 }, 100);
  expect(rate.perSecond(100)).toBeNull();
});

test("the last seconds count, not the whole", () => {
  const rate = new Rate();
  for (let second = 0; second <= 20; second += 1) {
    rate.note({ done: second < 10 ? 0 : (second - 10) * 100, total: 2000 }, second * 1000);
  }
  expect(rate.perSecond(20_000)).toBe(100);
  expect(rate.secondsLeft({ done: 1000, total: 2000 }, 20_000)).toBe(10);
});

test("another transfer begins anew", () => {
  const rate = new Rate();
  rate.note({ done: 1000, total: 1000 }, 0);
  rate.note({ done: 0, total: 500 }, 1000);
  rate.note({ done: 100, total: 500 }, 2000);
  expect(rate.perSecond(2000)).toBe(100);
});

test("what stands still has no speed, whether or not anybody tells of it", () => {
  const rate = new Rate();
  rate.note({ done: 0, total: 1000 }, 0);
  rate.note({ done: 100, total: 1000 }, 1000);
  expect(rate.perSecond(5000)).toBe(100);
  expect(rate.perSecond(6001)).toBeNull();
  expect(rate.secondsLeft({ done: 100, total: 1000 }, 6001)).toBeNull();
  for (const at of [2000, 4000, 6000]) rate.note({ done: 100, total: 1000 }, at);
  expect(rate.perSecond(6001)).toBeNull();
  rate.note({ done: 600, total: 1000 }, 7000);
  expect(rate.perSecond(7000)).toBeGreaterThan(0);
});

test("a transfer that carries more than was counted has no time left, and never less", () => {
  const rate = new Rate();
  rate.note({ done: 0, total: 100 }, 0);
  rate.note({ done: 200, total: 100 }, 1000);
  expect(rate.secondsLeft({ done: 200, total: 100 }, 1000)).toBe(0);
});
