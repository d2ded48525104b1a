// SPDX-License-Identifier: Apache-2.0
// Where the engines' cycles went: bars that sum to 100 %.
import { Plot, frame, label } from "./charts.js";
import { choice, dataTable, h, section } from "./dom.js";
import { count, percent } from "./format.js";
import { CAUSES, ENGINES } from "./model.js";
import { colour } from "./theme.js";

const nameOf = Object.fromEntries(ENGINES);

/** One piece of a bar for each cause that took time. */
function pieces(bars) {
  return bars.flatMap(({ row, what, engine, of }) => {
    const total = CAUSES.reduce((sum, [cause]) => sum + of(cause), 0);
    let at = 0;
    return CAUSES.map(([cause, words]) => {
      const from = at;
      at += of(cause);
      return { row, what, engine, cause, words, cycles: of(cause), total, from: from / total, to: at / total };
    }).filter((piece) => piece.cycles > 0);
  });
}

function drawBars(element, bars, title) {
  const data = pieces(bars);
  const rows = bars.map((bar) => bar.row);
  const options = frame(element, () => ({
    height: 34 + rows.length * 24, marginLeft: 76, marginRight: 14, marginTop: 4, marginBottom: 28,
    x: { domain: [0, 1], label: null, tickFormat: (v) => `${100 * v} %`, ticks: 5 },
    y: { domain: rows, label: null, tickSize: 0, padding: 0.22 },
    marks: [
      Plot.barX(data, { x1: "from", x2: "to", y: "row", fill: (d) => colour(d.cause), className: "pieces", insetRight: 0.5 }),
      Plot.ruleX([0], { stroke: colour("line") }),
    ],
  }));
  const svg = Plot.plot(options);
  label(svg, "pieces", data, (d) => `${d.what}, ${d.words}\n${percent(d.cycles / d.total)}: ${count(d.cycles)} of ${count(d.total)} cycles`, title,
        (d) => ({ "data-bar": d.row, "data-engine": d.engine, "data-cause": d.cause, "data-cycles": d.cycles, "data-share": d.to - d.from }));
  element.replaceChildren(svg);
}

function chipBars(m) {
  return ENGINES.map(([key, name]) => ({
    row: name, what: `${name}, all ${m.report.tiles.length} tiles`, engine: key, of: (cause) => m.engineTotal(key, cause),
  }));
}

function tileBars(m, engine) {
  const engines = engine === "all" ? m.engines : ENGINES.filter(([key]) => key === engine);
  return m.report.tiles.flatMap((tile) => engines.map(([key]) => ({
    row: engines.length > 1 ? `${tile.x}, ${tile.y} ${key.toUpperCase()}` : `tile ${tile.x}, ${tile.y}`,
    what: `Tile (${tile.x}, ${tile.y}) ${nameOf[key]}`, engine: key, of: (cause) => tile.engines[key][cause],
  })));
}

function table(m) {
  const rows = m.report.tiles.flatMap((t) => ENGINES.map(([key, name]) =>
    [`${t.x}, ${t.y}`, name, ...CAUSES.map(([cause]) => count(t.engines[key][cause])), count(t.engines[key].commands), count(t.engines[key].operations)]));
  return dataTable("engine cycles by cause", [{ name: "tile" }, { name: "engine", text: true }, ...CAUSES.map(([, name]) => ({ name })),
                                              { name: "commands" }, { name: "operations" }], rows);
}

export function engines(m) {
  const legend = h("ul", { class: "legend" }, CAUSES.map(([key, words]) => h("li", null, h("i", { style: `background: var(--${key})` }), words)));
  if (m.window === 0 || m.report.tiles.length === 0) {
    return { redraw() {}, element: section("engines", "Engine time by cause", "No tile measured any time.", table(m)) };
  }
  const chip = h("div", { class: "chart", id: "engines-chip" }), tiles = h("div", { class: "chart", id: "engines-tiles" });
  const shown = m.engines.length > 0 ? m.engines : [ENGINES[0]];
  let engine = shown[0][0];
  const redraw = () => {
    drawBars(chip, chipBars(m), "Engine time by cause, sum of all tiles");
    drawBars(tiles, tileBars(m, engine), "Engine time by cause, each tile");
  };
  const options = [...shown, ...(shown.length > 1 ? [["all", "All of these"]] : [])];
  const pick = choice("tile-engine", "Engine", options, engine, (key) => { engine = key; redraw(); });
  return {
    redraw,
    element: section("engines", "Engine time by cause",
                     `Every cycle of the window (cycles ${count(m.report.window.from)} to ${count(m.report.window.to)}) has one cause, so each bar sums to 100 %.`,
                     legend, h("h3", null, "Sum of all tiles"), chip, h("h3", null, "Each tile"), pick, tiles, table(m)),
  };
}
