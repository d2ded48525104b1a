// SPDX-License-Identifier: Apache-2.0
// Key figures at the top; how the run was made at the end.
import { dataTable, h, section } from "./dom.js";
import { bytes, count, percent, rate, ratio, time } from "./format.js";

const tile = (name, value, note, kind) => h("div", { class: `tile ${kind ?? ""}` }, h("span", { class: "name" }, name), h("b", null, value), h("span", null, note));

function verdict(run) {
  if (run.passed !== undefined) return run.passed;
  return run.mismatches === undefined ? null : run.mismatches === 0;
}

export function keyFigures(m) {
  const { run } = m;
  const right = verdict(run);
  const figures = [
    tile("Window", count(m.window), `cycles, ${time(m.window, m.clock)}`),
    tile("Matrix engines", percent(ratio(m.macRate, m.peakMacs)), `of peak; ${rate(m.macRate)} multiply-adds a cycle`),
    tile("HBM", percent(ratio(m.memoryBytes, m.measured * m.peakBytes)), `of peak; ${bytes(m.memoryBytes)}`),
    tile("Measured part", count(m.measured), "cycles, launch included"),
    tile("Whole run", count(run.total_cycles), `cycles in ${rate(run.wall_seconds)} s, ${rate(run.total_khz)} kHz`),
  ];
  if (right !== null) figures.unshift(tile("Result", right ? "right" : "wrong", right ? "as the golden model has it" : "differs from the golden model", right ? "good" : "bad"));
  return h("section", { id: "figures", class: "tiles", "aria-label": "Key figures" }, figures);
}

const list = (pairs) => h("dl", null, pairs.map(([name, value]) => [h("dt", null, name), h("dd", null, value)]));

export function configuration(m) {
  const c = m.report.chip;
  const pairs = [
    ["chip", c.name], ["mesh", `${m.width} × ${m.height} nodes`], ["tiles", `${m.report.tiles.length}, ${c.spm_kib} KiB of scratchpad each`],
    ["matrix engine", `${c.me_rows} × ${c.me_cols} cells, ${count(m.report.peak.macs_per_cycle_tile)} multiply-adds a cycle (${m.report.peak.format})`],
    ["memory", `${m.report.memories.length} nodes, ${count(c.memory_mib)} MiB, ${c.dram}`], ["clock", `${rate(c.clock_hz / 1e6)} MHz`],
    ["peak of HBM", `${count(m.peakBytes)} bytes per cycle, ${rate((m.peakBytes * c.clock_hz) / 1e9)} GB/s`],
    ["flits", `${m.report.peak.flit_bytes} bytes, ${m.report.peak.flit_data_bytes} of them data`],
    ...(typeof m.run.models === "string" ? [["models", m.run.models]] : []),
  ];
  return section("configuration", "Configuration", null, list(pairs), h("h3", null, "Floor plan"),
                 h("pre", null, h("code", null, m.rows.join("\n"))), h("p", { class: "note" }, "C ctl, T tile, M memory node, . router alone"));
}

export function details(m) {
  const { run, report } = m;
  const plain = Object.entries(run).filter(([, v]) => v === null || typeof v !== "object");
  return section("details", "Run", null,
                 list([["command", h("code", null, report.command.join(" "))], ["seed", String(run.seed)], ["threads", String(run.threads)],
                       ["cycles", `${count(run.total_cycles)} in all; measured ${count(report.measured.from)} to ${count(report.measured.to)}`],
                       ["tessera", report.version], ["compiler", report.compiler], ["schema", String(report.schema)]]),
                 dataTable("results of the run", [{ name: "key", text: true }, { name: "value" }],
                           plain.map(([key, value]) => [key, typeof value === "number" && !Number.isInteger(value) ? rate(value) : String(value)])));
}
