// SPDX-License-Identifier: Apache-2.0
// Run Yosys (WebAssembly) on some files: yowasp.mjs <npm folder> <commands> <result file> <source>...
// WebAssembly sees no disk: the sources, paths relative to the working folder, are handed over as a tree
// of texts; the commands write out.il, which becomes the result file. What Yosys says goes to stdout.
// Exit code: 0 done, 1 Yosys failed.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [npm, commands, result, ...sources] = process.argv.slice(2);
const tree = {};
for (const source of sources) {
  const parts = path.normalize(source).split(path.sep);
  let folder = tree;
  for (const part of parts.slice(0, -1)) folder = folder[part] ??= {};
  folder[parts.at(-1)] = readFileSync(source, "utf8");
}

const bundle = path.resolve(npm, "node_modules/@yowasp/yosys/gen/bundle.js");
const { runYosys, Exit } = await import(pathToFileURL(bundle));
const say = (bytes) => bytes !== null && process.stdout.write(bytes);
try {
  const files = await runYosys(["-Q", "-T", "-p", commands], tree,
                               { stdout: say, stderr: say, fetchProgress: () => {} });
  writeFileSync(result, files["out.il"]);
} catch (error) {
  if (!(error instanceof Exit)) throw error;
  process.exitCode = 1;
}
