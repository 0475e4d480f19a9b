import { expect, test } from "vitest";
import { Rate } from "../src/lib/rate";

test("nothing is said before there is something to say", () => {
  const rate = new Rate();
  expect(rate.perSecond()).toBeNull();
  rate.note({ done: 0, total: 10 }, 0);
  rate.note({ done: 5, total: 10 }, 100);
  expect(rate.perSecond()).toBeNull();
});

test("the last seconds count, not the whole", () => {
  const rate = new Rate();
  for (let second = 0; second <= 20; second += 1) {
    rate.note({ done: second < 10 ? 0 : (second - 10) * 100, total: 2000 }, second * 1000);
  }
  expect(rate.perSecond()).toBe(100);
  expect(rate.secondsLeft({ done: 1000, total: 2000 })).toBe(10);
});

test("another transfer begins anew", () => {
  const rate = new Rate();
  rate.note({ done: 1000, total: 1000 }, 0);
  rate.note({ done: 0, total: 500 }, 1000);
  rate.note({ done: 100, total: 500 }, 2000);
  expect(rate.perSecond()).toBe(100);
});
