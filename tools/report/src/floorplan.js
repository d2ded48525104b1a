// SPDX-License-Identifier: Apache-2.0
// The chip as a heat map: tiles, memory nodes, and each direction of each link.
import { choice, dataTable, describe, h, s, section, walkable } from "./dom.js";
import { bytes, count, percent, rate, ratio } from "./format.js";
import { ENGINES } from "./model.js";
import { css, gradient, inkOn, shade } from "./theme.js";

const NODE = 62, GAP = 26, PITCH = NODE + GAP, LANE = 9, MARGIN = 4;
const NAMES = { C: "ctl", T: "tile", M: "memory", ".": "router" };

const place = (i) => MARGIN + i * PITCH;

/** Rectangle of a link's lane: each direction keeps to its right. */
function lane({ x, y, port }) {
  const left = place(x), top = place(y), middle = NODE / 2;
  const long = GAP - 4, shift = 2;
  switch (port) {
    case "east": return [left + NODE + shift, top + middle + 1, long, LANE];
    case "west": return [left - GAP + shift, top + middle - 1 - LANE, long, LANE];
    case "south": return [left + middle - 1 - LANE, top + NODE + shift, LANE, long];
    default: return [left + middle + 1, top - GAP + shift, LANE, long];
  }
}

/** A lane with a pointed end in its direction. */
function arrow(link) {
  const [x, y, w, height] = lane(link);
  const tip = 5;
  switch (link.port) {
    case "east": return `M${x} ${y}h${w - tip}l${tip} ${height / 2}l${-tip} ${height / 2}h${tip - w}z`;
    case "west": return `M${x + w} ${y}v${height}h${tip - w}l${-tip} ${-height / 2}l${tip} ${-height / 2}z`;
    case "south": return `M${x} ${y}h${w}v${height - tip}l${-w / 2} ${tip}l${-w / 2} ${-tip}z`;
    default: return `M${x} ${y + height}v${tip - height}l${w / 2} ${-tip}l${w / 2} ${tip}v${height - tip}z`;
  }
}

function drawLink(m, link, top) {
  const flits = m.linkRate(link);
  const mark = s("path", { d: arrow(link), fill: css(shade("link", ratio(flits, top))), "data-link": `${link.x},${link.y},${link.port}`, "data-value": flits });
  return describe(mark, `Link (${link.x}, ${link.y}) ${link.port} to (${link.to.join(", ")})\n${rate(flits)} flits per cycle\n` +
                        `${count(link.request)} request, ${count(link.response)} response flits`);
}

function node(x, y, fill, lines, ink) {
  const left = place(x), top = place(y);
  const box = s("rect", { x: left, y: top, width: NODE, height: NODE, rx: 8, fill });
  const texts = lines.map((line, i) => s("text", { x: left + NODE / 2, y: top + NODE / 2 + (i === 0 ? -2 : 14), class: i === 0 ? "label" : "label small",
                                                   fill: ink, "data-on": fill, "aria-hidden": "true" }, line));
  return [box, texts];
}

function drawNode(m, x, y, engine) {
  const kind = m.rows[y][x];
  const tile = m.tileAt(x, y), memory = m.memoryAt(x, y);
  let mark, texts;
  if (tile) {
    const share = m.share(tile, engine, "busy");
    const fill = shade("tile", share);
    [mark, texts] = node(x, y, css(fill), [percent(share).replace(" ", "\u2009"), `${x}, ${y}`], inkOn(fill));
    mark.setAttribute("data-tile", `${x},${y}`);
    mark.setAttribute("data-value", share);
    const e = tile.engines[engine];
    describe(mark, `Tile (${x}, ${y})\n${percent(share)} busy: ${count(e.busy)} of ${count(m.window)} cycles\n` +
                   `${count(e.commands)} commands, ${count(e.operations)} operations\n${count(tile.instructions)} instructions`);
  } else if (memory) {
    const value = m.memoryRate(memory);
    const share = ratio(value, m.report.peak.memory_bytes_per_cycle_node);
    const fill = shade("memory", share);
    [mark, texts] = node(x, y, css(fill), [`${rate(value)} B`, "a cycle"], inkOn(fill));
    mark.setAttribute("data-memory", `${x},${y}`);
    mark.setAttribute("data-value", value);
    describe(mark, `Memory node (${x}, ${y})\n${rate(value)} bytes per cycle, ${percent(share)} of peak\n` +
                   `${bytes(memory.bytes_read)} read, ${bytes(memory.bytes_written)} written`);
  } else {
    [mark, texts] = node(x, y, "var(--dead)", [NAMES[kind], `${x}, ${y}`], "var(--soft)");
    describe(mark, `${NAMES[kind]} (${x}, ${y})`);
  }
  return { mark, texts };
}

function draw(m, engine, top) {
  const width = 2 * MARGIN + m.width * PITCH - GAP, height = 2 * MARGIN + m.height * PITCH - GAP;
  const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, style: `max-width: min(100%, ${1.3 * width}px)` });
  const marks = [];
  for (let y = 0; y < m.height; ++y) {
    for (let x = 0; x < m.width; ++x) {
      const { mark, texts } = drawNode(m, x, y, engine);
      marks.push(mark);
      svg.append(mark, ...texts);
    }
  }
  for (const link of m.meshLinks) {
    const mark = drawLink(m, link, top);
    marks.push(mark);
    svg.append(mark);
  }
  walkable(svg, marks, "Floor plan");
  return svg;
}

const ramp = (name, low, high, what) =>
  h("div", { class: "ramp" }, what, h("span", null, low), h("i", { style: `background: ${gradient(name)}` }), h("span", null, high));

function tables(m) {
  return [
    dataTable("tiles, share of the window that each engine was busy",
              [{ name: "tile" }, ...ENGINES.map(([, name]) => ({ name })), { name: "instructions" }, { name: "flits sent" }, { name: "flits received" }],
              m.report.tiles.map((t) => [`${t.x}, ${t.y}`, ...ENGINES.map(([key]) => percent(m.share(t, key, "busy"))), count(t.instructions),
                                         count(t.request_flits_sent + t.response_flits_sent), count(t.request_flits_received + t.response_flits_received)])),
    dataTable("links, flits",
              [{ name: "from" }, { name: "port", text: true }, { name: "request" }, { name: "response" }, { name: "flits per cycle" }],
              [...m.meshLinks, ...m.localLinks].map((l) => [`${l.x}, ${l.y}`, l.port === "local" ? "to its node" : l.port, count(l.request), count(l.response), rate(m.linkRate(l))])),
  ];
}

/** The extremes, in words. */
function facts(m, engine) {
  const tiles = [...m.report.tiles].sort((a, b) => m.share(b, engine, "busy") - m.share(a, engine, "busy"));
  const links = [...m.meshLinks].sort((a, b) => m.linkRate(b) - m.linkRate(a));
  const at = (tile) => `${percent(m.share(tile, engine, "busy"))} in tile (${tile.x}, ${tile.y})`;
  const mean = ratio(m.engineTotal(engine, "busy"), m.window * tiles.length);
  const pairs = [
    ["mean of the tiles", percent(mean)],
    ...(tiles.length > 0 ? [["busiest", at(tiles[0])], ["least busy", at(tiles.at(-1))]] : []),
    ...(links.length > 0 ? [["busiest link", `${rate(m.linkRate(links[0]))} flits per cycle, (${links[0].x}, ${links[0].y}) ${links[0].port}`]] : []),
    ["flits between routers", count(links.reduce((sum, l) => sum + l.request + l.response, 0))],
  ];
  return h("dl", null, pairs.map(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
}

export function floorplan(m) {
  const first = (m.engines[0] ?? ENGINES[0])[0];
  const top = Math.max(1e-9, ...m.meshLinks.map(m.linkRate));
  let engine = first;
  const chart = h("div", { class: "chart plan" });
  const ramps = h("div", null);
  const redraw = () => {
    chart.replaceChildren(draw(m, engine, top));
    ramps.replaceChildren(
      ramp("tile", "0 %", "100 %", "tiles: busy"),
      ramp("link", "0", `${rate(top)} flits per cycle`, "links, each direction"),
      m.report.memories.length > 0 ? ramp("memory", "0", `${m.report.peak.memory_bytes_per_cycle_node} bytes per cycle`, "memory nodes") : "",
      facts(m, engine));
  };
  const engines = choice("plan-engine", "Engine", ENGINES, first, (key) => { engine = key; redraw(); });
  return {
    redraw,
    element: section("floorplan", "Floor plan",
                     `Tiles: share of the window of ${count(m.window)} cycles in which the engine worked. Links and memory nodes: means over the ` +
                     `${count(m.measured)} measured cycles, launch included; a link carries at most one flit of each network a cycle.`,
                     engines, h("div", { class: "beside" }, chart, ramps), ...tables(m)),
  };
}
