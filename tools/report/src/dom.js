// SPDX-License-Identifier: Apache-2.0
// Elements, and tooltips that mouse, touch and keyboard reach alike.

const SVG = "http://www.w3.org/2000/svg";

function make(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined) element.append(child);
  }
  return element;
}

/** An HTML element; children are elements and texts. */
export const h = (tag, attributes, ...children) => make(document.createElement(tag), attributes, children);
/** The same for SVG. */
export const s = (tag, attributes, ...children) => make(document.createElementNS(SVG, tag), attributes, children);

/** A section with a heading. `about` explains it in a sentence or two. */
export function section(id, title, about, ...children) {
  return h("section", { id, "aria-labelledby": `${id}-title` }, h("h2", { id: `${id}-title` }, title),
           about ? h("p", { class: "about" }, about) : null, ...children);
}

/** The numbers of a chart: a table that opens on demand. Columns: { name, text: true for words }. */
export function dataTable(caption, columns, rows, open = false) {
  const cell = (value, column) => h("td", column.text ? { class: "text" } : null, String(value));
  return h("details", { class: "data", open: open ? "" : null }, h("summary", null, `Table: ${caption}`),
           h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
             h("table", null, h("caption", { class: "hidden" }, caption),
               h("thead", null, h("tr", null, columns.map((c) => h("th", { scope: "col", class: c.text ? "text" : null }, c.name)))),
               h("tbody", null, rows.map((row) => h("tr", null, row.map((v, i) => cell(v, columns[i]))))))));
}

/** Radio buttons in a row; calls `change` with the value. */
export function choice(name, legend, options, value, change) {
  const radio = ([key, label]) => {
    const input = h("input", { type: "radio", name, value: key, id: `${name}-${key}`, checked: key === value ? "" : null });
    input.addEventListener("change", () => change(key));
    return [input, h("label", { for: `${name}-${key}` }, label)];
  };
  return h("fieldset", { class: "switch" }, h("legend", null, legend), options.map(radio));
}

const tip = () => document.getElementById("tip");

function showTip(text, x, y) {
  const box = tip();
  box.textContent = text;
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  const left = Math.min(Math.max(8, x + 12), document.documentElement.clientWidth - width - 8);
  const top = y + 16 + height > window.innerHeight ? y - height - 12 : y + 16;
  box.style.left = `${Math.max(8, left)}px`;
  box.style.top = `${Math.max(8, top)}px`;
}

const hideTip = () => { tip().hidden = true; };

/** Give a mark a tooltip, which is its name for screen readers as well. */
export function describe(mark, text) {
  mark.setAttribute("data-tip", text);
  mark.setAttribute("aria-label", text.replaceAll("\n", ", "));
  mark.setAttribute("role", "img");
  return mark;
}

/**
 * Make the marks of a chart one stop of the Tab key; the arrow keys walk through them.
 */
export function walkable(chart, marks, label) {
  chart.setAttribute("role", "group");
  chart.setAttribute("aria-label", `${label}. The arrow keys walk through its ${marks.length} marks.`);
  marks.forEach((mark, i) => {
    mark.setAttribute("tabindex", i === 0 ? "0" : "-1");
    mark.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const to = event.key === "Home" ? 0 : event.key === "End" ? marks.length - 1 : i + (step ?? NaN);
      if (!marks[to]) return;
      event.preventDefault();
      mark.setAttribute("tabindex", "-1");
      marks[to].setAttribute("tabindex", "0");
      marks[to].focus();
    });
  });
}

/** Tooltips of everything that describe() was called for. */
export function installTips() {
  const text = (target) => target instanceof Element && target.closest("[data-tip]")?.getAttribute("data-tip");
  document.addEventListener("pointermove", (event) => {
    const found = text(event.target);
    if (found) showTip(found, event.clientX, event.clientY);
    else hideTip();
  });
  document.addEventListener("focusin", (event) => {
    const found = text(event.target);
    if (!found) return hideTip();
    const box = event.target.getBoundingClientRect();
    showTip(found, box.left + box.width / 2, box.top + box.height / 2);
  });
  document.addEventListener("focusout", hideTip);
  document.addEventListener("scroll", hideTip, { passive: true });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
}
