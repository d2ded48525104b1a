// SPDX-License-Identifier: Apache-2.0
// What the charts by Observable Plot share.
import * as Plot from "@observablehq/plot";
import { describe, walkable } from "./dom.js";
import { colour } from "./theme.js";

export { Plot };

/** Style and size of every chart; `width` is that of its frame. */
export function frame(element, options) {
  const width = Math.max(260, Math.floor(element.clientWidth || 600));
  return { width, style: { background: "none", color: colour("soft"), fontSize: "12px", overflow: "visible" }, ...options(width) };
}

/** The marks of a Plot layer (class `name`) in the order of `data`, with tooltips. */
export function label(svg, name, data, text, title, attributes = () => ({})) {
  const marks = [...svg.querySelectorAll(`.${name} > *, .${name} g > *`)].filter((e) => e.tagName !== "g");
  marks.forEach((mark, i) => {
    describe(mark, text(data[i]));
    for (const [key, value] of Object.entries(attributes(data[i]))) mark.setAttribute(key, value);
  });
  walkable(svg, marks, title);
}
