// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** 1,234,567 */
export const count = (value) => whole.format(value);
/** Three significant digits. */
export const rate = (value) => (value === 0 ? "0" : value >= 1000 ? count(value) : String(Number(value.toPrecision(3))));
/** 12.3 % */
export const percent = (value) => `${(100 * value).toFixed(value !== 0 && value < 0.1 ? 2 : 1)} %`;
/** 12.3 MB */
export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const unit = Math.min(units.length - 1, value > 0 ? Math.floor(Math.log10(value) / 3) : 0);
  return `${Number((value / 1000 ** unit).toPrecision(3))} ${units[unit]}`;
}
/** Cycles as time. */
export function time(cycles, clockHz) {
  const ns = (cycles / clockHz) * 1e9;
  return ns >= 1e6 ? `${rate(ns / 1e6)} ms` : ns >= 1e3 ? `${rate(ns / 1e3)} µs` : `${rate(ns)} ns`;
}
/** A ratio that may have nothing below the line. */
export const ratio = (a, b) => (b > 0 ? a / b : 0);
