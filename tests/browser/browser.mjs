// SPDX-License-Identifier: Apache-2.0
// What the tests in a browser share: Debian's Chromium under playwright-core, checks, a file server.
import { mkdtempSync, rmSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
               "--disable-component-update", "--disable-sync"];

let failures = 0, passes = 0;

/** Count a check; print it when it fails. */
export function check(good, what) {
  if (good) return void (passes += 1);
  failures += 1;
  console.error(`FAILED: ${what}`);
}
export const equal = (got, wanted, what) => check(Object.is(got, wanted), `${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`);
export const near = (got, wanted, slack, what) => check(Math.abs(got - wanted) <= slack, `${what}: ${got} instead of ${wanted} (± ${slack})`);

/** Print the totals and end. */
export function conclude() {
  console.log(`${passes} passed, ${failures} failed`);
  process.exit(failures === 0 ? 0 : 1);
}

/** Packages of tests/browser, installed in `packages`. */
export const load = (packages, name) => createRequire(path.resolve(packages, "node_modules") + "/")(name);

/** Call `use` with a function that opens pages in a new, empty profile each. */
export async function withBrowser(packages, use) {
  const { chromium } = load(packages, "playwright-core");
  const profiles = [];
  const open = async (options) => {
    const profile = mkdtempSync(path.join(tmpdir(), "tessera-chromium-"));
    const context = await chromium.launchPersistentContext(profile, { executablePath: "/usr/bin/chromium", args: FLAGS, ...options });
    profiles.push({ profile, context });
    return context.pages()[0] ?? context.newPage();
  };
  try {
    await use(open);
  } finally {
    for (const { profile, context } of profiles) {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    }
  }
}

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".json": "application/json", ".wasm": "application/wasm", ".txt": "text/plain" };

/** Serve files: path to file name. Returns the address and close(). */
export async function serve(files) {
  const server = createServer((request, response) => {
    const file = files(decodeURIComponent(request.url.split(/[?#]/)[0]));
    try {
      const body = readFileSync(file);
      response.writeHead(200, { "Content-Type": TYPES[path.extname(file)] ?? "application/octet-stream" });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { address: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}
