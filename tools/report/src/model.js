// SPDX-License-Identifier: Apache-2.0
// What the page derives from the JSON of a run.
import { ratio } from "./format.js";

export const ENGINES = [
  ["me", "Matrix"], ["ve", "Vector"], ["tdma", "Layout"], ["rdma", "Read DMA"], ["wdma", "Write DMA"],
];
export const CAUSES = [
  ["busy", "busy"], ["wait_semaphore", "waits for semaphore"], ["starved", "starved"], ["blocked", "blocked"],
  ["conflict", "bank conflict"], ["config", "configuration"], ["idle", "idle"],
];
const STEP = { north: [0, -1], east: [1, 0], south: [0, 1], west: [-1, 0] };

const sum = (list, of) => list.reduce((total, item) => total + of(item), 0);

export function model(run) {
  const r = run.report;
  const window = r.window.to - r.window.from;
  const measured = r.measured.to - r.measured.from;
  const rows = r.chip.floor_plan;
  const engineTotal = (engine, key) => sum(r.tiles, (tile) => tile.engines[engine][key]);
  const macs = engineTotal("me", "operations");
  const memoryBytes = sum(r.memories, (m) => m.bytes_read + m.bytes_written);
  const peakMacs = r.peak.macs_per_cycle_tile * r.tiles.length;
  const peakBytes = r.peak.memory_bytes_per_cycle_node * r.memories.length;
  return {
    run, report: r, window, measured, rows, macs, memoryBytes, peakMacs, peakBytes,
    clock: r.chip.clock_hz,
    width: rows[0].length,
    height: rows.length,
    engineTotal,
    engines: ENGINES.filter(([key]) => engineTotal(key, "commands") > 0),
    tileAt: (x, y) => r.tiles.find((t) => t.x === x && t.y === y),
    memoryAt: (x, y) => r.memories.find((m) => m.x === x && m.y === y),
    macRate: ratio(macs, window),
    intensity: memoryBytes > 0 ? macs / memoryBytes : null,
    share: (tile, engine, cause) => ratio(tile.engines[engine][cause], window),
    memoryRate: (m) => ratio(m.bytes_read + m.bytes_written, measured),
    linkRate: (link) => ratio(link.request + link.response, measured),
    /** Links between routers, with where they lead. */
    meshLinks: r.links.filter((l) => STEP[l.port]).map((l) => ({ ...l, to: [l.x + STEP[l.port][0], l.y + STEP[l.port][1]] })),
    localLinks: r.links.filter((l) => l.port === "local"),
  };
}
