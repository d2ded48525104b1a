// SPDX-License-Identifier: Apache-2.0
// The page of `tessera report`: reads the run's JSON from the page and draws it.
import { installTips } from "./dom.js";
import { engines } from "./engines.js";
import { floorplan } from "./floorplan.js";
import { memory } from "./memory.js";
import { model } from "./model.js";
import { roofline } from "./roofline.js";
import { configuration, details, keyFigures } from "./summary.js";
import { installTheme } from "./theme.js";
import { timeline } from "./timeline.js";

const m = model(JSON.parse(document.getElementById("run").textContent));
const words = m.report.command.slice(1);
const job = words.slice(0, 2).map((word) => word.split("/").pop()).join(" ");
document.title = `Tessera report: ${job}`;
document.getElementById("title").textContent = job;
document.getElementById("subtitle").textContent = `Tessera report · chip ${m.report.chip.name}, ${m.report.tiles.length} tiles, ${m.report.memories.length} memory nodes · seed ${m.run.seed}`;

const charts = [floorplan(m), engines(m), roofline(m), memory(m), timeline(m)];
for (const chart of charts.slice(2, 4)) chart.element.classList.add("half");
const config = configuration(m), run = details(m);
config.classList.add("half");
run.classList.add("half");
document.getElementById("main").append(keyFigures(m), ...charts.map((chart) => chart.element), config, run);

const redraw = () => charts.forEach((chart) => chart.redraw());
installTheme(redraw);
installTips();
redraw();
let width = window.innerWidth;
window.addEventListener("resize", () => {
  if (window.innerWidth === width) return;
  width = window.innerWidth;
  redraw();
});
