// SPDX-License-Identifier: Apache-2.0
// The page of `tessera report` in Chromium: report_test.mjs TESSERA PACKAGES OUT.
// Values against the JSON, no errors, no requests, no overflow, readable colours, keyboard. Screenshots go to OUT.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { check, conclude, equal, near, withBrowser } from "./browser.mjs";

const [tessera, packages, out] = process.argv.slice(2);
mkdirSync(out, { recursive: true });

const CAUSES = ["busy", "wait_semaphore", "starved", "blocked", "conflict", "config", "idle"];
const SECTIONS = ["figures", "floorplan", "engines", "roofline", "memory", "timeline", "configuration", "details"];
const VIEWS = [
  ["desktop-light", { width: 1280, height: 900 }, "light"], ["desktop-dark", { width: 1280, height: 900 }, "dark"],
  ["phone-light", { width: 390, height: 844 }, "light"], ["phone-dark", { width: 390, height: 844 }, "dark"],
];

/** Run tessera; its JSON and the page of it. */
function report(name, words) {
  const json = path.join(out, `${name}.json`), page = path.join(out, `${name}.html`);
  execFileSync(tessera, [...words, "--config", "t4", "--json", json], { stdio: ["ignore", "ignore", "inherit"] });
  execFileSync(tessera, ["report", json, "-o", page], { stdio: ["ignore", "ignore", "inherit"] });
  return { name, page, run: JSON.parse(readFileSync(json, "utf8")) };
}

/** Attributes of all elements that match, as objects. */
const data = (page, selector) => page.$$eval(selector, (list) => list.map((e) => ({ ...e.dataset })));

async function checkPlan(page, { report: r }) {
  const window = r.window.to - r.window.from, measured = r.measured.to - r.measured.from;
  const tiles = await data(page, "#floorplan [data-tile]");
  equal(tiles.length, r.tiles.length, "tiles of the floor plan");
  const engine = await page.$eval("#floorplan input:checked", (e) => e.value);
  for (const tile of r.tiles) {
    const cell = tiles.find((c) => c.tile === `${tile.x},${tile.y}`);
    near(Number(cell?.value), tile.engines[engine].busy / window, 1e-9, `heat of tile ${tile.x}, ${tile.y}`);
  }
  const memories = await data(page, "#floorplan [data-memory]");
  for (const m of r.memories) {
    const cell = memories.find((c) => c.memory === `${m.x},${m.y}`);
    near(Number(cell?.value), (m.bytes_read + m.bytes_written) / measured, 1e-9, `heat of memory node ${m.x}, ${m.y}`);
  }
  const links = await data(page, "#floorplan [data-link]");
  const between = r.links.filter((l) => l.port !== "local");
  equal(links.length, between.length, "links of the floor plan");
  for (const l of between) {
    const cell = links.find((c) => c.link === `${l.x},${l.y},${l.port}`);
    near(Number(cell?.value), (l.request + l.response) / measured, 1e-9, `heat of link ${l.x}, ${l.y} ${l.port}`);
  }
}

/** Pieces of bars against counters; every bar sums to 100 %. */
function checkBars(pieces, row, counters, what) {
  const own = pieces.filter((p) => p.bar === row);
  const total = CAUSES.reduce((sum, cause) => sum + counters(cause), 0);
  near(own.reduce((sum, p) => sum + Number(p.share), 0), 1, 1e-9, `${what}: sum of the bar`);
  for (const cause of CAUSES) {
    const piece = own.find((p) => p.cause === cause);
    equal(Number(piece?.cycles ?? 0), counters(cause), `${what}: ${cause}`);
    near(Number(piece?.share ?? 0), counters(cause) / total, 1e-9, `${what}: share of ${cause}`);
  }
}

async function checkEngines(page, { report: r }) {
  const names = { me: "Matrix", ve: "Vector", tdma: "Layout", rdma: "Read DMA", wdma: "Write DMA" };
  const chip = await data(page, "#engines-chip [data-bar]");
  for (const [key, name] of Object.entries(names)) {
    checkBars(chip, name, (cause) => r.tiles.reduce((sum, t) => sum + t.engines[key][cause], 0), `chip, ${name}`);
  }
  const choices = await page.$$eval("#engines input", (list) => list.map((e) => e.value));
  for (const key of choices.filter((c) => c !== "all")) {
    await page.click(`label[for=tile-engine-${key}]`);
    const pieces = await data(page, "#engines-tiles [data-bar]");
    for (const tile of r.tiles) checkBars(pieces, `tile ${tile.x}, ${tile.y}`, (cause) => tile.engines[key][cause], `tile ${tile.x}, ${tile.y}, ${key}`);
  }
}

async function checkOthers(page, run) {
  const r = run.report;
  const sum = (list, of) => list.reduce((total, item) => total + of(item), 0);
  const macs = sum(r.tiles, (t) => t.engines.me.operations), traffic = sum(r.memories, (m) => m.bytes_read + m.bytes_written);
  const points = await data(page, "#roofline [data-x]");
  equal(points.length, macs > 0 && traffic > 0 ? 1 : 0, "points of the roofline");
  if (points.length === 1) {
    near(Number(points[0].x), macs / traffic, 1e-9, "intensity");
    near(Number(points[0].y), macs / (r.window.to - r.window.from), 1e-9, "multiply-adds a cycle");
  }
  for (const bar of await data(page, "#memory [data-way]")) {
    const node = r.memories.find((m) => `${m.x}, ${m.y}` === bar.memory);
    equal(Number(bar.bytes), node[bar.way === "read" ? "bytes_read" : "bytes_written"], `bytes of memory node ${bar.memory}`);
  }
  const stages = await data(page, "#timeline [data-stage]");
  for (const [i, stage] of r.stages.entries()) equal(Number(stages[i]?.cycles), stage.to - stage.from, `stage ${stage.name}`);
  const text = await page.innerText("#details");
  for (const word of [String(run.seed), r.version, r.compiler, run.total_cycles.toLocaleString("en-US")]) check(text.includes(word), `the run's details name ${word}`);
  const configuration = await page.innerText("#configuration");
  check(configuration.includes(r.chip.floor_plan.join("\n")), "the floor plan of the configuration");
  check(new RegExp(`models\\s+${run.models}`).test(configuration), `models ${run.models} in the configuration: ${configuration}`);
  check(sum(r.links, (l) => l.request + l.response) > 0 && (macs === 0 || traffic > 0), "links and memory nodes of the run");
}

/** Texts whose contrast with what is behind them is below 4.5 (large ones: 3). */
const paleTexts = (page) => page.evaluate(() => {
  const channels = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const shine = (text) => {
    const [r, g, b] = channels(text).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const opaque = (text) => text && text !== "transparent" && channels(text)[3] !== 0;
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const on = e.getAttribute?.("data-on");
      if (on?.startsWith("rgb")) return on;
      const colour = getComputedStyle(e).backgroundColor;
      if (opaque(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const pale = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim() !== "");
    if (!own || !element.getClientRects().length || ["SCRIPT", "STYLE", "TITLE"].includes(element.tagName) || element.closest(".hidden, .skip")) continue;
    const style = getComputedStyle(element);
    const front = shine(element instanceof SVGElement ? style.fill : style.color), back = shine(behind(element));
    const contrast = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    if (contrast < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) pale.push(`${element.textContent.trim().slice(0, 30)}: ${contrast.toFixed(2)}`);
  }
  return pale;
});

/** The keyboard reaches the charts: arrows walk, the tooltip follows, Escape hides it. */
async function checkKeyboard(page) {
  await page.focus("#floorplan svg [tabindex='0']");
  const first = await page.innerText("#tip");
  await page.keyboard.press("ArrowRight");
  const second = await page.innerText("#tip");
  check(first !== "" && second !== "" && first !== second, "the arrow keys walk through the floor plan");
  await page.keyboard.press("Escape");
  check(await page.isHidden("#tip"), "Escape hides the tooltip");
  await page.hover("#engines-chip [data-bar]");
  check((await page.innerText("#tip")).includes("cycles"), "the pointer shows a tooltip");
  const stops = new Set();
  for (let i = 0; i < 60; ++i) {
    await page.keyboard.press("Tab");
    stops.add(await page.evaluate(() => document.activeElement.closest("section, header")?.id ?? "theme"));
  }
  for (const id of ["floorplan", "engines", "memory", "timeline"]) check(stops.has(id), `the Tab key reaches ${id}`);
}

async function checkTheme(page) {
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const auto = await background();
  await page.click("label[for=colours-dark]");
  const dark = await background();
  await page.click("label[for=colours-light]");
  check(dark !== (await background()), "the switch changes the colours");
  await page.click("label[for=colours-auto]");
  equal(await background(), auto, "automatic colours");
}

async function checkView(open, made, [view, viewport, colorScheme]) {
  const page = await open({ viewport, colorScheme });
  const requests = [], complaints = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) complaints.push(message.text()); });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(`file://${path.resolve(made.page)}`);
  for (const id of SECTIONS) check(await page.isVisible(`#${id}`), `${view}: section ${id}`);
  await checkPlan(page, made.run);
  await checkEngines(page, made.run);
  await checkOthers(page, made.run);
  await checkCommands(page, made.run);
  await page.screenshot({ path: path.join(out, `${made.name}-${view}.png`), fullPage: true });
  await page.$$eval("details", (list) => list.forEach((e) => { e.open = true; }));
  equal(await page.evaluate(() => document.documentElement.scrollWidth), viewport.width, `${view}: width of the page`);
  equal((await paleTexts(page)).join("; "), "", `${view}: pale texts`);
  equal((await page.$$("table")).length, (await page.$$("details")).length, `${view}: tables`);
  if (made.run.report.tiles.some((t) => t.engines.me.commands > 0)) await checkKeyboard(page);
  await checkTheme(page);
  equal(requests.filter((url) => !url.startsWith("file:")).join(" "), "", `${view}: network requests`);
  equal(requests.length, 1, `${view}: requests`);
  equal(complaints.join("; "), "", `${view}: errors of the page`);
}

/** The commands of a timeline: those of the first tile at first, with tooltips. */
async function checkCommands(page, { report: r }) {
  if (!r.timeline) return;
  const [first] = r.timeline.commands.filter((c) => r.tiles.some((t) => t.x === c.x && t.y === c.y)).sort((a, b) => a.y - b.y || a.x - b.x);
  const shown = await data(page, "#commands-chart [data-command]");
  equal(shown.length, r.timeline.commands.filter((c) => c.x === first.x && c.y === first.y).length, "commands of the first tile");
}

const gemm = ["bench", "gemm", "--scope", "chip", "--m", "96", "--n", "96", "--k", "128", "--timeline", path.join(out, "gemm-timeline.json")];
const pages = [
  report("gemm", gemm),
  report("gemm-tlm", [...gemm, "--tlm"]),
  report("hello", ["run", process.argv[5]]),
];
check(statSync(pages[0].page).size < 1 << 20, "the page is below 1 MiB");
await withBrowser(packages, async (open) => {
  for (const made of pages) for (const view of VIEWS) await checkView(open, made, view);
});
conclude();
