// SPDX-License-Identifier: Apache-2.0
// HBM: bandwidth, and what the controllers did for it.
import { Plot, frame, label } from "./charts.js";
import { dataTable, h, section } from "./dom.js";
import { bytes, count, percent, rate, ratio } from "./format.js";
import { colour } from "./theme.js";

const WAYS = [["bytes_read", "read"], ["bytes_written", "write"]];

function draw(m, element) {
  const peak = m.report.peak.memory_bytes_per_cycle_node;
  const nodes = m.report.memories;
  const data = nodes.flatMap((node) => WAYS.map(([key, way], i) => {
    const from = i === 0 ? 0 : ratio(node.bytes_read, m.measured);
    return { row: `${node.x}, ${node.y}`, node, key, way, from, to: from + ratio(node[key], m.measured) };
  })).filter((d) => d.to > d.from);
  const svg = Plot.plot(frame(element, () => ({
    height: 54 + nodes.length * 30, marginLeft: 44, marginRight: 18, marginTop: 18, marginBottom: 34,
    x: { domain: [0, peak], label: "bytes per cycle →", ticks: 5, grid: true },
    y: { domain: nodes.map((node) => `${node.x}, ${node.y}`), label: null, tickSize: 0, padding: 0.25 },
    marks: [
      Plot.barX(data, { x1: "from", x2: "to", y: "row", fill: (d) => colour(d.way), className: "ways" }),
      Plot.ruleX([peak], { stroke: colour("accent"), strokeWidth: 2 }),
      Plot.text([peak], { x: (d) => d, frameAnchor: "top", dy: -12, text: () => "peak", textAnchor: "end", fill: colour("ink") }),
    ],
  })));
  label(svg, "ways", data, (d) => `Memory node (${d.row}), ${d.way === "read" ? "read" : "written"}\n${rate(d.to - d.from)} bytes per cycle\n${bytes(d.node[d.key])}`,
        "HBM bandwidth", (d) => ({ "data-memory": d.row, "data-way": d.way, "data-bytes": d.node[d.key] }));
  element.replaceChildren(svg);
}

export function memory(m) {
  const nodes = m.report.memories;
  const sum = (key) => nodes.reduce((total, node) => total + node[key], 0);
  const row = (name, get, nodeCount) => {
    const read = get("bytes_read"), written = get("bytes_written"), elapsed = get("elapsed");
    return [name, bytes(read), bytes(written), percent(ratio(read + written, nodeCount * m.measured * m.report.peak.memory_bytes_per_cycle_node)),
            percent(ratio(get("row_hits"), get("row_hits") + get("row_misses"))), count(get("row_hits")), count(get("row_misses")), count(get("activates")),
            count(get("precharges")), count(get("turnarounds")), count(get("refreshes")), percent(ratio(get("bus_busy"), 2 * elapsed))];
  };
  const columns = ["node", "read", "written", "of peak", "row hits", "hits", "misses", "activates", "precharges", "turnarounds", "refreshes", "data bus busy"];
  const rows = [...nodes.map((node) => row(`${node.x}, ${node.y}`, (key) => node[key], 1)), row("all", sum, nodes.length)];
  const chart = h("div", { class: "chart", id: "memory-chart" });
  const legend = h("ul", { class: "legend" }, [["read", "read"], ["write", "written"]].map(([key, words]) => h("li", null, h("i", { style: `background: var(--${key})` }), words)));
  const total = rows.at(-1);
  const facts = [["of peak", total[3]], ["row hits", total[4]], ["turnarounds", total[9]], ["refreshes", total[10]]];
  return {
    redraw: () => { if (nodes.length > 0) draw(m, chart); },
    element: section("memory", "HBM", `Traffic of each memory node over the ${count(m.measured)} measured cycles.`,
                     legend, chart, h("dl", null, facts.map(([name, value]) => [h("dt", null, name), h("dd", null, value)])),
                     dataTable("memory nodes", columns.map((name) => ({ name })), rows)),
  };
}
