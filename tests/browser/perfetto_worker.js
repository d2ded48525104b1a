// SPDX-License-Identifier: Apache-2.0
// The trace processor's glue picks its 64-bit build where the browser has 64-bit memories; the package has the
// 32-bit one. It asks by compiling a module that is just a memory section (5), of 64-bit addresses (4).
WebAssembly.Module = new Proxy(WebAssembly.Module, {
  construct(target, words) {
    const bytes = words[0];
    if (bytes[8] === 5 && bytes[11] === 4) throw new WebAssembly.CompileError("no 64-bit memory");
    return Reflect.construct(target, words);
  },
});
importScripts("/perfetto/engine_bundle.node.js");
