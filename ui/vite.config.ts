import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { environment: "node", include: ["tests/**/*.test.ts"], setupFiles: ["tests/setup.ts"] },
  plugins: [svelte()],
  // WebKitGTK 2.40 and WebView2 of the same year.
  build: { target: "es2022", modulePreload: false, assetsInlineLimit: 0 },
});
