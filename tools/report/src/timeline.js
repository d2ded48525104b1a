// SPDX-License-Identifier: Apache-2.0
// When what happened: the stages of the run, and commands of the engines if they were recorded.
import { Plot, frame, label } from "./charts.js";
import { choice, dataTable, h, section } from "./dom.js";
import { count, time } from "./format.js";
import { colour } from "./theme.js";

const COLOURS = { rdma: "read", wdma: "write", me: "busy", ve: "conflict", tdma: "config" };

function drawStages(m, element) {
  const data = m.report.stages;
  const svg = Plot.plot(frame(element, (width) => ({
    height: 44 + data.length * 24, marginLeft: Math.min(210, width * 0.42), marginRight: 16, marginTop: 4, marginBottom: 36,
    x: { domain: [0, Math.max(1, ...data.map((d) => d.to))], label: "cycle →", ticks: width < 480 ? 2 : 5, tickFormat: "~s", grid: true },
    y: { domain: data.map((_, i) => i), label: null, tickSize: 0, padding: 0.3, tickFormat: (i) => data[i].name.slice(0, width < 480 ? 20 : 32) },
    marks: [Plot.barX(data, { x1: "from", x2: "to", y: (_, i) => i, fill: colour("read"), stroke: colour("read"), className: "stages" })],
  })));
  label(svg, "stages", data, (d) => `${d.name}\n${count(d.to - d.from)} cycles, ${time(d.to - d.from, m.clock)}\ncycles ${count(d.from)} to ${count(d.to)}`, "Stages of the run",
        (d) => ({ "data-stage": d.name, "data-cycles": d.to - d.from }));
  element.replaceChildren(svg);
}

function drawCommands(m, element, slices) {
  const rows = [...new Set(slices.map((d) => d.row))];
  const svg = Plot.plot(frame(element, (width) => ({
    height: 44 + rows.length * 20, marginLeft: 74, marginRight: 16, marginTop: 4, marginBottom: 36,
    x: { domain: [Math.min(...slices.map((d) => d.from)), Math.max(...slices.map((d) => d.to))], label: "cycle →", ticks: width < 480 ? 2 : 6, grid: true },
    y: { domain: rows, label: null, tickSize: 0, padding: 0.2 },
    marks: [Plot.barX(slices, { x1: "from", x2: "to", y: "row", fill: (d) => colour(COLOURS[d.engine]), insetRight: 0.4, className: "commands" })],
  })));
  label(svg, "commands", slices, (d) => `${d.name}, command ${d.id}\n${m.tileAt(d.x, d.y) ? "Tile" : "ctl"} (${d.x}, ${d.y}) ${d.engine.toUpperCase()}\n${count(d.to - d.from)} cycles from cycle ${count(d.from)}`, "Commands of the engines",
        (d) => ({ "data-command": d.id }));
  element.replaceChildren(svg);
}

function commands(m) {
  const excerpt = m.report.timeline;
  if (!excerpt || excerpt.commands.length === 0) return null;
  const all = excerpt.commands.map((d) => ({ ...d, row: `${d.x}, ${d.y} ${d.engine.toUpperCase()}` }));
  const isCtl = (d) => !m.tileAt(d.x, d.y);
  const order = (a, b) => isCtl(a) - isCtl(b) || a.y - b.y || a.x - b.x;
  const tiles = [...new Set([...all].sort(order).map((d) => `${d.x}, ${d.y}`))];
  const chart = h("div", { class: "chart", id: "commands-chart" });
  let tile = tiles[0];
  const redraw = () => drawCommands(m, chart, all.filter((d) => `${d.x}, ${d.y}` === tile));
  const pick = choice("command-tile", "Node", tiles.map((t) => [t, t]), tile, (key) => { tile = key; redraw(); });
  const parts = [
    h("h3", null, "Commands of the engines"),
    h("p", { class: "about" }, `The first ${count(all.length)} commands from cycle ${count(excerpt.from)} on; the whole timeline is in ${excerpt.file}.`),
    pick, chart,
    dataTable("commands", [{ name: "tile" }, { name: "engine", text: true }, { name: "command", text: true }, { name: "id" }, { name: "from" }, { name: "to" }, { name: "cycles" }],
              all.map((d) => [`${d.x}, ${d.y}`, d.engine, d.name, d.id, count(d.from), count(d.to), count(d.to - d.from)])),
  ];
  return { redraw, parts };
}

export function timeline(m) {
  const chart = h("div", { class: "chart", id: "stages-chart" });
  const more = commands(m);
  const stages = m.report.stages;
  return {
    redraw: () => {
      if (stages.length > 0) drawStages(m, chart);
      more?.redraw();
    },
    element: section("timeline", "Timeline", more ? "The stages of the run, and the beginning of what --timeline recorded." :
                     "The stages of the run. A run with --timeline FILE.json adds the engines' commands here.",
                     chart, dataTable("stages", [{ name: "stage", text: true }, { name: "from" }, { name: "to" }, { name: "cycles" }, { name: "time" }],
                                      stages.map((d) => [d.name, count(d.from), count(d.to), count(d.to - d.from), time(d.to - d.from, m.clock)])),
                     ...(more?.parts ?? [])),
  };
}
