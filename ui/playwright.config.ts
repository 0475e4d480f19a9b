import { defineConfig } from "@playwright/test";

// The browser is the system's: Playwright's own is not to be had from a package registry.
const browser = process.env.TANDEM_CHROMIUM ?? "/usr/bin/chromium";

export default defineConfig({
  testDir: "e2e",
  outputDir: "node_modules/.e2e",
  fullyParallel: true,
  forbidOnly: true,
  workers: 2,
  reporter: "line",
  // A loaded machine is slow; what is not there is not there after a longer time either.
  timeout: 180_000,
  expect: { timeout: 20_000 },
  use: {
    browserName: "chromium",
    // Root, as in a container, has no sandbox; there is nothing foreign on these pages.
    launchOptions: { executablePath: browser, args: ["--no-sandbox", "--disable-gpu"] },
    viewport: { width: 960, height: 640 },
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    trace: "off",
  },
  projects: [
    { name: "page", testMatch: "*.spec.ts" },
    { name: "screenshots", testMatch: "screenshots.ts", use: { deviceScaleFactor: 1.5 } },
  ],
});
