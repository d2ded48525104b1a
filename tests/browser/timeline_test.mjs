// SPDX-License-Identifier: Apache-2.0
// Timelines in the viewers: timeline_test.mjs TESSERA PACKAGES OUT MARKS_ELF.
// Every slice and counter of the file must be in Perfetto's trace processor, with its name, start and duration, and
// the file must open in speedscope.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { check, conclude, equal, near, serve, withBrowser } from "./browser.mjs";

const [tessera, packages, out, marks] = process.argv.slice(2);
const here = import.meta.dirname;
mkdirSync(out, { recursive: true });

/** Run tessera with a timeline; its events. */
function record(name, words) {
  const file = path.join(out, `${name}.json`);
  execFileSync(tessera, [...words, "--config", "t4", "--timeline", file], { stdio: ["ignore", "ignore", "inherit"] });
  return { file, events: JSON.parse(readFileSync(file, "utf8")).traceEvents };
}

/** Where the files of both viewers are. */
function place(file) {
  return (url) => {
    if (url === "/timeline.json") return file;
    if (url === "/trace_processor.wasm") return path.join(packages, "perfetto", url);
    if (url.startsWith("/perfetto/")) return path.join(packages, url);
    if (url.startsWith("/speedscope/")) return path.join(packages, "node_modules/speedscope/dist/release", url.slice(11));
    return path.join(here, url);
  };
}

const nanoseconds = (microseconds) => Math.round(1000 * microseconds);
const key = (s) => `${s.pid} ${s.tid} ${s.ts} ${s.dur} ${s.name}`;

async function checkPerfetto(page, events) {
  await page.waitForFunction(() => window.ready);
  await page.evaluate(() => window.load("/timeline.json"));
  const query = (sql) => page.evaluate((text) => window.query(text), sql);

  const wanted = events.filter((e) => e.ph === "X").map((e) => ({ ...e, ts: nanoseconds(e.ts), dur: nanoseconds(e.dur) }));
  const rows = await query("select upid, pid, tid, ts, dur, slice.name as name from slice join thread_track on slice.track_id = thread_track.id " +
                           "join thread using (utid) join process using (upid)");
  equal(rows.length, wanted.length, "slices in Perfetto");
  const found = new Set(rows.map(key));
  equal(wanted.filter((e) => !found.has(key(e))).length, 0, "slices whose process, track, start, duration or name differ in Perfetto");
  const cycles = await query("select count(*) as n from slice join args using (arg_set_id) where args.key = 'args.cycle'");
  equal(cycles[0].n, wanted.length, "slices with their cycle");

  const counters = events.filter((e) => e.ph === "C").flatMap((e) => Object.values(e.args));
  const values = await query("select count(*) as n, sum(value) as total from counter join process_counter_track t on counter.track_id = t.id");
  equal(values[0].n, counters.length, "counter values in Perfetto");
  near(values[0].total, counters.reduce((a, b) => a + b, 0), 0.5, "sum of the counter values");

  const names = (await query("select name from process where name is not null")).map((r) => r.name);
  for (const name of ["ctl (0, 0)", "tile (0, 1)", "network"]) check(names.includes(name), `process ${name}`);
  const tracks = (await query("select distinct name from thread where name is not null")).map((r) => r.name);
  for (const name of ["core", "markers", "RDMA"]) check(tracks.includes(name), `track ${name}`);
  const bad = await query("select name, value from stats where severity in ('error', 'data_loss') and value > 0");
  equal(JSON.stringify(bad), "[]", "complaints of Perfetto");
  return rows;
}

function checkMarkers(rows) {
  const count = (name) => rows.filter((row) => row.name === name).length;
  const tiles = new Set(rows.filter((row) => row.name === "round").map((row) => row.pid)).size;
  equal(tiles, 4, "tiles with markers");
  for (const name of ["round", "read block", 'wait "a" bit']) equal(count(name), 3 * tiles, `markers ${name}`);
  for (const wait of rows.filter((row) => row.name === 'wait "a" bit')) {
    check(wait.dur >= 250 && wait.dur < 500, `a wait of 200 cycles takes ${wait.dur} ns`);
    check(rows.some((r) => r.name === "round" && r.pid === wait.pid && r.ts <= wait.ts && r.ts + r.dur >= wait.ts + wait.dur), "it lies in its round");
  }
  check(count("kernel_main") >= tiles, "functions by name");
  check(count("read") >= 3 * tiles, "commands by name");
  check(count("sleep (wfi)") > 0, "sleep");
}

async function checkSpeedscope(page, address) {
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(`${address}/speedscope/index.html#profileURL=${encodeURIComponent(`${address}/timeline.json`)}`);
  await page.waitForFunction(() => document.title.includes("timeline.json") || document.body.innerText.includes("tile ("), null, { timeout: 60_000 });
  const text = await page.innerText("body");
  check(/tile \(|ctl \(/.test(text), `speedscope shows a track: ${text.slice(0, 200)}`);
  equal(complaints.join("; "), "", "errors in speedscope");
  await page.screenshot({ path: path.join(out, "speedscope.png") });
}

const { file, events } = record("marks", ["run", marks]);
const server = await serve(place(file));
await withBrowser(packages, async (open) => {
  const viewer = await open({ viewport: { width: 1280, height: 800 } });
  await viewer.goto(`${server.address}/perfetto.html`);
  checkMarkers(await checkPerfetto(viewer, events));
  await checkSpeedscope(await open({ viewport: { width: 1280, height: 800 } }), server.address);
});
server.close();
conclude();
