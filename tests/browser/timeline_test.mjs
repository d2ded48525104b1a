// SPDX-License-Identifier: Apache-2.0
// Timelines in the viewers: timeline_test.mjs TESSERA PACKAGES OUT MARKS_ELF.
// Every slice and counter of the file must be in Perfetto's trace processor, with its name, start and duration, and
// in speedscope every track must be there and nest. RTL, TLM and a mix.
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

/** Load the timeline that is served into Perfetto's trace processor; a function that answers SQL. */
async function loadPerfetto(page, address) {
  await page.goto(`${address}/perfetto.html`);
  await page.waitForFunction(() => window.ready);
  await page.evaluate(() => window.load("/timeline.json"));
  return (sql) => page.evaluate((text) => window.query(text), sql);
}

async function checkPerfetto(query, events) {
  const cycle = (n) => Math.floor(n * 1.25);
  const wanted = events.filter((e) => ["X", "E"].includes(e.ph)).map((e) => {
    const ts = cycle(e.args.cycle), end = cycle(e.args.cycle + e.args.cycles);
    return { ...e, ts, dur: end - ts };
  });
  for (const e of events.filter((x) => x.ph === "X")) equal(nanoseconds(e.ts), cycle(e.args.cycle), "start in nanoseconds");
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
  for (const name of ["ctl (0, 0)", "tile (0, 1)", "tile (0, 1) DMA", "network"]) check(names.includes(name), `process ${name}`);
  const tracks = (await query("select distinct name from thread where name is not null")).map((r) => r.name);
  for (const name of ["core", "markers", "RDMA", "RDMA 1"]) check(tracks.includes(name), `track ${name}`);
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

/** DMA transactions: they take time, and those of a command move what it moves. */
async function checkDma(query, what, sizes) {
  const rows = await query("select process.name as node, thread.name as lane, slice.name as name, ts, dur, extract_arg(slice.arg_set_id, 'args.bytes') as bytes, " +
                           "extract_arg(slice.arg_set_id, 'args.command') as command, extract_arg(slice.arg_set_id, 'args.address') as address " +
                           "from slice join thread_track on slice.track_id = thread_track.id join thread using (utid) join process using (upid) " +
                           "where process.name glob 'tile * DMA' order by ts");
  equal(rows.filter((r) => r.dur <= 0 || r.bytes <= 0 || !/^0x[0-9a-f]+$/.test(r.address)).length, 0, `${what}: transactions without time, bytes or address`);
  const ends = {};
  for (const r of rows) {
    check(r.ts >= (ends[`${r.node} ${r.lane}`] ?? 0), `${what}: ${r.node} ${r.lane} does one transaction at a time`);
    ends[`${r.node} ${r.lane}`] = r.ts + r.dur;
  }
  const commands = {};
  for (const r of rows) commands[`${r.node} ${r.lane.split(" ")[0]} ${r.command}`] = (commands[`${r.node} ${r.lane.split(" ")[0]} ${r.command}`] ?? 0) + r.bytes;
  equal(JSON.stringify(Object.values(commands).sort((a, b) => a - b)), JSON.stringify(sizes), `${what}: bytes of the commands`);
  return rows;
}

/** Sum over time of counters by their tracks' names. A value holds from its time on, per interval. */
async function counted(query, process, track) {
  const interval = 1024 * 1.25;
  const rows = await query("select ts, value, lead(ts) over (partition by t.id order by ts) as until from counter join process_counter_track t on counter.track_id = t.id " +
                           `join process using (upid) where process.name glob '${process}' and t.name glob '${track}'`);
  return rows.reduce((sum, r) => sum + r.value * (r.until === null ? 1 : Math.round((r.until - r.ts) / interval)), 0);
}

/** What marks.c does, on any models: each of four tiles reads 2048 bytes of HBM three times. */
async function checkMarksDma(query, what) {
  const rows = await checkDma(query, what, Array(12).fill(2048));
  equal(rows.length, 12 * 2048 / 256, `${what}: reads of 256 bytes`);
  equal(new Set(rows.map((r) => r.name)).size, 2, `${what}: reads of two memory nodes`);
  const total = (process, track) => counted(query, process, track);
  equal(await total("tile*", "DMA bytes read"), 12 * 2048, `${what}: DMA bytes`);
  check(await total("memory*", "channel * bytes read") >= 12 * 2048, `${what}: bytes of the memory channels`);
  check(await total("network", "*flits*") > 0, `${what}: flits of the links`);
}

async function checkSpeedscope(page, address, events) {
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  // It says so in its console when slices of a track do not nest, and then draws them wrong.
  page.on("console", (message) => { if (/Doing nothing instead|still open at end/.test(message.text())) complaints.push(message.text()); });
  await page.goto(`${address}/speedscope/index.html#profileURL=${encodeURIComponent(`${address}/timeline.json`)}`);
  await page.waitForFunction(() => document.title.includes("timeline.json") || document.body.innerText.includes("tile ("), null, { timeout: 60_000 });
  const text = await page.innerText("body");
  check(/tile \(|ctl \(/.test(text), `speedscope shows a track: ${text.slice(0, 200)}`);
  equal(complaints.slice(0, 3).join("; "), "", `${complaints.length} errors in speedscope`);
  const tracks = new Set(events.filter((e) => ["X", "E"].includes(e.ph)).map((e) => `${e.pid} ${e.tid}`));
  check(text.includes(`(1/${tracks.size})`), `speedscope has all ${tracks.size} tracks: ${text.slice(0, 200)}`);
  await page.screenshot({ path: path.join(out, "speedscope.png") });
}

const MODELS = { rtl: [], tlm: ["--tlm"], mix: ["--tlm", "--tile", "0,1=rtl"] };
const viewport = { width: 1280, height: 800 };
await withBrowser(packages, async (open) => {
  for (const [name, models] of Object.entries(MODELS)) {
    const { file, events } = record(`marks-${name}`, ["run", marks, ...models]);
    const server = await serve(place(file));
    const query = await loadPerfetto(await open({ viewport }), server.address);
    checkMarkers(await checkPerfetto(query, events));
    await checkMarksDma(query, name);
    await checkSpeedscope(await open({ viewport }), server.address, events);
    server.close();
  }
});
conclude();
