// SPDX-License-Identifier: Apache-2.0
// The run against the bounds of the chip.
import { Plot, frame, label } from "./charts.js";
import { dataTable, h, section } from "./dom.js";
import { count, percent, rate, ratio } from "./format.js";
import { colour } from "./theme.js";

function bounds(m) {
  const ridge = ratio(m.peakMacs, m.peakBytes);
  const reach = m.intensity ?? ridge;
  const from = 10 ** Math.floor(Math.log10(Math.min(ridge, reach) / 3));
  const to = 10 ** Math.ceil(Math.log10(Math.max(ridge, reach) * 3));
  return { ridge, from, to };
}

function draw(m, element) {
  const { ridge, from, to } = bounds(m);
  const roof = [{ x: from, y: from * m.peakBytes }, { x: ridge, y: m.peakMacs }, { x: to, y: m.peakMacs }];
  const point = { x: m.intensity, y: m.macRate };
  const low = 10 ** Math.floor(Math.log10(Math.min(point.y, roof[0].y) / 3));
  const svg = Plot.plot(frame(element, (width) => ({
    height: Math.min(380, Math.max(260, width * 0.6)), marginLeft: 54, marginRight: 16, marginBottom: 40, marginTop: 26,
    x: { type: "log", domain: [from, to], label: "multiply-adds per byte of HBM traffic →", ticks: width < 420 ? 3 : 6, tickFormat: "~s", grid: true },
    y: { type: "log", domain: [low, m.peakMacs * 2], label: "↑ multiply-adds per cycle", ticks: 5, tickFormat: "~s", grid: true },
    marks: [
      Plot.areaY(roof, { x: "x", y1: low, y2: "y", fill: colour("accent"), fillOpacity: 0.07 }),
      Plot.line(roof, { x: "x", y: "y", stroke: colour("accent"), strokeWidth: 2 }),
      Plot.ruleX([point], { x: "x", y1: low, y2: "y", stroke: colour("blocked"), strokeDasharray: "3 3" }),
      Plot.text([{ x: to, y: m.peakMacs }], { x: "x", y: "y", text: () => `${count(m.peakMacs)} per cycle (${m.report.peak.format})`, textAnchor: "end", dy: -9, fill: colour("ink") }),
      Plot.text([{ x: from, y: from * m.peakBytes }], { x: "x", y: "y", text: () => `${count(m.peakBytes)} bytes per cycle`, textAnchor: "start", dx: 8, dy: 14, fill: colour("ink") }),
      Plot.dot([point], { x: "x", y: "y", r: 6, fill: colour("blocked"), stroke: colour("card"), strokeWidth: 2, className: "point" }),
      Plot.text([point], { x: "x", y: "y", text: () => "this run", dy: 18, fontWeight: 600, fill: colour("ink"), stroke: colour("card"), strokeWidth: 4 }),
    ],
  })));
  const bound = Math.min(m.peakMacs, m.intensity * m.peakBytes);
  label(svg, "point", [point], () => `This run\n${rate(m.macRate)} multiply-adds per cycle\n${rate(m.intensity)} per byte\n${percent(m.macRate / bound)} of the bound`,
        "Roofline", () => ({ "data-x": point.x, "data-y": point.y }));
  element.replaceChildren(svg);
}

export function roofline(m) {
  const possible = m.intensity !== null && m.macs > 0 && m.peakBytes > 0;
  const { ridge } = bounds(m);
  const rows = [
    ["multiply-adds, counted by the matrix engines", count(m.macs)], ["bytes of HBM traffic", count(m.memoryBytes)],
    ["multiply-adds per byte", m.intensity === null ? "no HBM traffic" : rate(m.intensity)],
    ["multiply-adds per cycle of the window", rate(m.macRate)],
    [`bound of the matrix engines (${m.report.peak.format})`, `${count(m.peakMacs)} per cycle`],
    ["bound of the memory nodes", `${count(m.peakBytes)} bytes per cycle`], ["bounds meet at", `${rate(ridge)} per byte`],
  ];
  if (possible) {
    const bound = Math.min(m.peakMacs, m.intensity * m.peakBytes);
    rows.push([`reached of its bound (${m.intensity < ridge ? "memory" : "compute"})`, percent(m.macRate / bound)]);
  }
  const chart = h("div", { class: "chart", id: "roofline-chart" });
  const why = m.macs === 0 ? "The matrix engines had nothing to do: there is no point to draw." : "No HBM traffic was counted: there is no intensity to draw.";
  return {
    redraw: () => { if (possible) draw(m, chart); },
    element: section("roofline", "Roofline", "What the matrix engines and the memory nodes of the whole chip allow, and what this run did. The traffic is " +
                     "all of the measured part; what was loaded before the window counts too.",
                     possible ? chart : h("p", { class: "note" }, why), dataTable("roofline", [{ name: "figure", text: true }, { name: "value" }], rows)),
  };
}
