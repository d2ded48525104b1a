// SPDX-License-Identifier: Apache-2.0
// Light or dark: as the system says, or as the reader chooses.
import { choice } from "./dom.js";

const system = window.matchMedia("(prefers-color-scheme: dark)");
let chosen = "auto";

const apply = () => {
  document.documentElement.dataset.theme = chosen === "auto" ? (system.matches ? "dark" : "light") : chosen;
};

/** Put the switch into the header; `changed` redraws what has computed colours. */
export function installTheme(changed) {
  const update = () => { apply(); changed(); };
  const set = (value) => { chosen = value; update(); };
  const old = document.getElementById("theme");
  const made = choice("colours", "Colours", [["auto", "Auto"], ["light", "Light"], ["dark", "Dark"]], chosen, set);
  made.id = "theme";
  made.querySelector("legend").className = "hidden";
  old.replaceWith(made);
  system.addEventListener("change", update);
  apply();
}

export const isDark = () => document.documentElement.dataset.theme === "dark";
/** Value of a custom property. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const mix = (a, b, t) => a.map((v, i) => Math.round(v + (b[i] - v) * t));
const RAMPS = {
  light: { tile: [[232, 243, 241], [90, 180, 168], [6, 84, 76]], link: [[235, 238, 242], [242, 169, 59], [176, 42, 20]], memory: [[232, 240, 249], [110, 165, 218], [20, 70, 128]] },
  dark: { tile: [[30, 44, 48], [26, 128, 116], [126, 240, 222]], link: [[38, 47, 58], [190, 118, 26], [255, 196, 110]], memory: [[29, 41, 56], [44, 104, 168], [150, 205, 255]] },
};

/** Colour of a share 0..1 on one of the ramps tile, link, memory. */
export function shade(ramp, share) {
  const [low, middle, high] = RAMPS[isDark() ? "dark" : "light"][ramp];
  const t = Math.min(1, Math.max(0, share));
  return t < 0.5 ? mix(low, middle, 2 * t) : mix(middle, high, 2 * t - 1);
}
export const css = (rgb) => `rgb(${rgb.join(", ")})`;
export const gradient = (ramp) => `linear-gradient(90deg, ${[0, 0.5, 1].map((t) => css(shade(ramp, t))).join(", ")})`;

const channel = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
/** Text colour that reads best on a colour. */
export function inkOn(rgb) {
  const l = luminance(rgb);
  return 1.05 / (l + 0.05) > (l + 0.05) / 0.056 ? "#ffffff" : "#10161d";
}
