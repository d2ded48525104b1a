// SPDX-License-Identifier: Apache-2.0
// Run Yosys' read_slang on one top: slang.mjs <npm folder> [--large] <top> <block>...
// WebAssembly sees no disk: the sources are handed over as a tree of texts. Working folder: the repository.
// Exit code: 0 accepted, 1 errors or warnings, 2 usage.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

/** The modules that `--large` leaves as black boxes: what a chip's nodes are made of. */
const NODE_MODULES = ["tsr_router_node", "tsr_tile", "tsr_ctl", "tsr_mem", "tsr_bare"];

/** All SystemVerilog files below a folder, as nested objects from name to text. */
function readTree(folder) {
  const tree = {};
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) tree[entry.name] = readTree(file);
    else if (/\.svh?$/.test(entry.name)) tree[entry.name] = readFileSync(file, "utf8");
  }
  return tree;
}

/** The files that rtl/<block>/files.f lists. */
function blockFiles(block) {
  const lines = readFileSync(`rtl/${block}/files.f`, "utf8").split("\n");
  return lines.filter((line) => line.trim() !== "").map((line) => path.join("rtl", block, line.trim()));
}

/** Yosys commands for one top. */
function script(top, files, large) {
  const read = `read_slang --threads 1 --top ${top} -I rtl/common`;
  const check = `hierarchy -check -top ${top}`;
  if (!large) return `${read} ${files}; ${check}`;
  const boxes = NODE_MODULES.map((name) => `--blackboxed-module ${name}`).join(" ");
  return `${read} --ast-compilation-only ${files}; ${read} ${boxes} ${files}; ${check}`;
}

async function main() {
  const [npm, ...args] = process.argv.slice(2);
  const large = args[0] === "--large";
  const [top, ...blocks] = large ? args.slice(1) : args;
  if (!top || blocks.length === 0) {
    console.error("usage: scripts/slang [--large] TOP BLOCK...");
    return 2;
  }
  const module = path.resolve(npm, "node_modules/@yowasp/yosys/gen/bundle.js");
  const { runYosys, Exit } = await import(pathToFileURL(module));

  const decoder = new TextDecoder();
  let log = "";
  const collect = (bytes) => {
    if (bytes !== null) log += decoder.decode(bytes, { stream: true });
  };
  let code = 0;
  try {
    const commands = script(top, blocks.flatMap(blockFiles).join(" "), large);
    await runYosys(["-Q", "-T", "-p", commands], { rtl: readTree("rtl") },
                   { stdout: collect, stderr: collect, fetchProgress: () => {} });
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    code = error.code;
  }
  log = log.replace(/\x1b\[[0-9;]*m/g, "");

  const builds = [...log.matchAll(/Build (?:succeeded|failed): (\d+) errors?, (\d+) warnings?/g)];
  const clean = builds.length === (large ? 2 : 1) && builds.every((b) => b[1] === "0" && b[2] === "0") &&
                !/^Warning:/m.test(log);
  if (code === 0 && clean) {
    console.log(`slang: ${top}: no errors, no warnings`);
    return 0;
  }
  // What slang says stands in front of the passes of Yosys; what Yosys says is marked.
  const front = log.split(/^Build (?:succeeded|failed).*$/m).slice(0, builds.length)
    .map((part) => part.split("Executing SLANG frontend.").pop().trim());
  const marked = log.split("\n").filter((line) => /^(Warning|ERROR):/.test(line));
  console.error([...front, ...marked].join("\n"));
  console.error(`slang: ${top}: not accepted (exit code ${code})`);
  return 1;
}

process.exit(await main());
