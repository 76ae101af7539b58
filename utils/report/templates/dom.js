// Elements, numbers and the data of the page.

const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

/** Creates an element; properties named as attributes, functions become listeners. */
function make(tag, properties = {}, ...children) {
  const isDrawn = ["svg", "g", "path", "line", "rect", "circle", "text", "title"].includes(tag);
  const element = isDrawn ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

const section = id => document.getElementById(id);
const isNumber = value => typeof value === "number" && Number.isFinite(value);
const percent = (value, digits = 1) => (isNumber(value) ? `${(100 * value).toFixed(digits)} %` : "–");
const grouped = value => Math.round(value).toLocaleString("en");
const rgb = color => `rgb(${color.join(",")})`;

/** A square in the color of a class. */
const swatch = color => make("span", { class: "swatch", style: `background:${rgb(color)}`, "aria-hidden": "true" });

/** A bar of a share 0..1 with its percentage. */
function bar(value, color, most = 1) {
  const width = isNumber(value) ? Math.min(100, (100 * value) / most) : 0;
  const fill = make("i", { style: `width:${width}%;${color ? `background:${color}` : ""}` });
  return make("div", { class: "bar" }, make("i", { "aria-hidden": "true" }, fill), make("span", {}, percent(value)));
}

/** A labeled select; `choices` are pairs of value and text. */
function select(text, choices, value, change) {
  const options = choices.map(([key, name]) => make("option", { value: key, selected: key === value }, name));
  const element = make("select", { change: () => change(element.value) }, ...options);
  return make("label", {}, text, element);
}

/** Buttons of which one is pressed. */
function choice(label, names, value, change) {
  const buttons = names.map(([key, text]) =>
    make("button", { type: "button", "aria-pressed": String(key === value), click: () => press(key) }, text));
  const press = key => {
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(names[index][0] === key)));
    change(key);
  };
  return make("div", { class: "group", role: "group", "aria-label": label }, ...buttons);
}
