// Charts: training curves, object sizes, reliability.

const FRAME = { width: 560, height: 240, left: 44, right: 12, top: 10, bottom: 28 };

/** Ticks of an axis from 0 or `low` to `high`: about `count` round numbers. */
function ticks(low, high, count = 5) {
  const raw = (high - low) / count || 1, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find(factor => power * factor >= raw * 0.999);
  const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/** An empty chart with axes. Returns the svg and functions from values to its coordinates. */
function frame({ x, y, xTicks, yTicks, xText = String, yText = String, title, size = FRAME, xName }) {
  const { width, height, left, right, top, bottom } = size;
  const px = value => left + ((value - x[0]) / (x[1] - x[0] || 1)) * (width - left - right);
  const py = value => height - bottom - ((value - y[0]) / (y[1] - y[0] || 1)) * (height - top - bottom);
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
  for (const value of yTicks) {
    svg.append(make("line", { class: "axis", x1: left, x2: width - right, y1: py(value), y2: py(value) }),
      make("text", { x: left - 6, y: py(value) + 4, "text-anchor": "end" }, yText(value)));
  }
  for (const value of xTicks) svg.append(make("text", { x: px(value), y: height - bottom + 16, "text-anchor": "middle" }, xText(value)));
  if (xName) svg.append(make("text", { x: width - right, y: height - 1, "text-anchor": "end" }, xName));
  return { svg, px, py, size };
}

/** The points of a column of the log. */
const column = name => data.log.filter(row => isNumber(row[name])).map(row => [row.epoch, row[name]]);

/** Curves over epochs, with a readout of the epoch under the pointer. */
function lineChart(title, series, { asPercent = false } = {}) {
  const points = series.flatMap(entry => entry.points), epochs = points.map(point => point[0]), values = points.map(point => point[1]);
  const x = [Math.min(...epochs), Math.max(...epochs)];
  const sorted = [...values].sort((a, b) => a - b), usual = sorted[Math.floor(0.98 * (sorted.length - 1))];
  const high = asPercent ? 1 : Math.max(usual * 1.1, 1e-6);  // a bad first epoch does not flatten the others
  const { svg, px, py, size } = frame({
    x, y: [0, high], title, xName: "epoch", xTicks: ticks(x[0], x[1]).filter(Number.isInteger),
    yTicks: ticks(0, high), yText: value => (asPercent ? `${Math.round(100 * value)}` : Number(value.toPrecision(3))),
  });
  for (const entry of series) {
    const path = entry.points.map(([a, b], index) => `${index ? "L" : "M"}${px(a).toFixed(1)} ${py(Math.min(b, high)).toFixed(1)}`).join("");
    svg.append(make("path", { class: "line", d: path, stroke: entry.color }));
    if (entry.points.length === 1) svg.append(make("circle", { cx: px(entry.points[0][0]), cy: py(entry.points[0][1]), r: 3, fill: entry.color }));
  }
  const cursor = make("line", { class: "cursor", y1: size.top, y2: size.height - size.bottom, visibility: "hidden" });
  const legend = make("div", { class: "legend" });
  const show = epoch => legend.replaceChildren(...series.map(entry => {
    const point = epoch === null ? entry.points.at(-1) : entry.points.find(([a]) => a === epoch);
    const value = point ? (asPercent ? percent(point[1]) : point[1].toPrecision(3)) : "–";
    return make("span", {}, make("span", { class: "swatch", style: `background:${entry.color}` }), `${entry.name} ${value}`);
  }), epoch === null ? "" : make("span", {}, `epoch ${epoch}`));
  svg.append(cursor);
  svg.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect(), at = ((event.clientX - box.x) / box.width) * size.width;
    const epoch = epochs.reduce((best, value) => (Math.abs(px(value) - at) < Math.abs(px(best) - at) ? value : best), epochs[0]);
    cursor.setAttribute("x1", px(epoch));
    cursor.setAttribute("x2", px(epoch));
    cursor.setAttribute("visibility", "visible");
    show(epoch);
  });
  svg.addEventListener("pointerleave", () => { cursor.setAttribute("visibility", "hidden"); show(null); });
  show(null);
  return make("div", { class: "card" }, make("h3", {}, title), svg, legend);
}

function drawTraining() {
  if (!data.log.length) return;
  const place = section("training");
  place.hidden = false;
  const curves = (names, colors) => names.map((name, index) => ({ name: name.replace("_", " "), color: colors[index], points: column(name) }))
    .filter(entry => entry.points.length);
  const colors = ["var(--accent)", "var(--accent-2)"], row = make("div", { class: "row" });
  const losses = curves(["loss", "val_loss"], colors), scores = curves(["mean_iou", "val_mean_iou"], colors);
  if (losses.length) row.append(lineChart("Loss", losses));
  if (scores.length) row.append(lineChart("Mean IoU, %", scores, { asPercent: true }));
  place.append(row);
  const panels = data.classes.map(entry => [entry, column(`val_iou_${entry.name}`)]).filter(([, points]) => points.length);
  if (!panels.length) return;
  const epochs = panels.flatMap(([, points]) => points.map(point => point[0])), x = [Math.min(...epochs), Math.max(...epochs)];
  const size = { width: 180, height: 84, left: 24, right: 4, top: 6, bottom: 16 };
  const charts = panels.map(([entry, points]) => {
    const { svg, px, py } = frame({ x, y: [0, 1], size, xTicks: x[0] === x[1] ? [x[0]] : x, yTicks: [0, 0.5, 1], yText: value => 100 * value,
      title: `Validation IoU of ${entry.name} over the epochs, last ${percent(points.at(-1)[1])}` });
    const path = points.map(([a, b], index) => `${index ? "L" : "M"}${px(a).toFixed(1)} ${py(b).toFixed(1)}`).join("");
    svg.append(make("path", { class: "line", d: path, stroke: "var(--accent)" }),
      make("circle", { cx: px(points.at(-1)[0]), cy: py(points.at(-1)[1]), r: 3, fill: "var(--accent)" }));
    return make("div", {}, make("h4", {}, swatch(entry.color), entry.name, make("b", {}, percent(points.at(-1)[1], 0))), svg);
  });
  place.append(make("div", { class: "card" }, make("h3", {}, "Validation IoU of each class, %"), make("div", { class: "small" }, ...charts)));
}

/** The upper right rounded column from `y` down to the axis. */
const columnBar = (x, y, width, bottom, color, text) =>
  make("rect", { x, y, width, height: Math.max(0, bottom - y), rx: 3, fill: color }, make("title", {}, text));

function drawSizes() {
  const { edges, all, classes } = data.measures.object_sizes;
  const card = make("div", { class: "card" }), holder = make("div");
  const name = index => (index + 1 < edges.length ? `${grouped(edges[index])}–${grouped(edges[index + 1] - 1)}` : `≥ ${grouped(edges[index])}`);
  const short = value => (value >= 1000 ? `${Math.round(value / 1024)}k` : value);

  function draw(key) {
    const rows = key === "" ? all : classes[key];
    const { svg, px, py, size } = frame({
      x: [0, edges.length], y: [0, 1], title: `Recall of objects by area, ${key || "all classes"}`, xName: "pixels of the object",
      xTicks: edges.map((_, index) => index + 0.5), xText: value => `${short(edges[value - 0.5])}+`,
      yTicks: [0, 0.25, 0.5, 0.75, 1], yText: value => 100 * value, size: { ...FRAME, bottom: 42 },
    });
    rows.recall.forEach((value, index) => {
      if (value === null) return;
      const text = `${name(index)} pixels: ${grouped(rows.count[index])} objects, mean recall ${percent(value)}, found ${percent(rows.found[index])}`;
      const width = (px(1) - px(0)) * 0.38, bottom = size.height - size.bottom;
      svg.append(columnBar(px(index + 0.1), py(value), width, bottom, "var(--accent)", text),
        columnBar(px(index + 0.52), py(rows.found[index]), width, bottom, "var(--accent-2)", text),
        make("text", { x: px(index + 0.5), y: py(Math.max(value, rows.found[index])) - 4, "text-anchor": "middle" }, `n ${grouped(rows.count[index])}`));
    });
    holder.replaceChildren(svg);
  }

  draw("");
  const names = [["", "all classes"], ...Object.keys(classes).filter(key => classes[key].count.some(Boolean)).map(key => [key, key])];
  card.append(make("h3", {}, "Objects by size, %"), make("div", { class: "tools" }, select("class", names, "", draw)), holder,
    make("div", { class: "legend" },
      make("span", {}, make("span", { class: "swatch", style: "background:var(--accent)" }), "mean recall of the pixels"),
      make("span", {}, make("span", { class: "swatch", style: "background:var(--accent-2)" }), "objects with half of their pixels found")),
    make("p", { class: "note" }, "An object is a connected area of one class in the label."));
  return card;
}

function drawReliability() {
  const { ece, count, accuracy, confidence } = data.measures.calibration;
  const bins = count.length, total = count.reduce((a, b) => a + b, 0);
  const { svg, px, py, size } = frame({
    x: [0, 1], y: [0, 1], title: `Reliability: expected calibration error ${percent(ece, 2)}`, xName: "confidence, %",
    xTicks: [0, 0.25, 0.5, 0.75, 1], xText: value => 100 * value, yTicks: [0, 0.25, 0.5, 0.75, 1], yText: value => 100 * value,
    size: { ...FRAME, bottom: 42 },
  });
  accuracy.forEach((value, bin) => {
    if (value === null) return;
    const text = `confidence ${percent(confidence[bin])}, accuracy ${percent(value)}, ${percent(count[bin] / total)} of the pixels`;
    svg.append(columnBar(px(bin / bins) + 1, py(value), px(1 / bins) - px(0) - 2, size.height - size.bottom, "var(--accent)", text));
  });
  svg.append(make("line", { class: "cursor", x1: px(0), y1: py(0), x2: px(1), y2: py(1) }));
  const points = accuracy.flatMap((value, bin) => (value === null ? [] : [[confidence[bin], value]]));
  svg.append(...points.map(([a, b]) => make("circle", { cx: px(a), cy: py(b), r: 3, fill: "var(--accent-2)" })));
  return make("div", { class: "card" }, make("h3", {}, "Reliability: accuracy by confidence, %"), svg,
    make("p", { class: "note" }, `Expected calibration error ${percent(ece, 2)} over ${bins} bins (Guo et al., 2017). On the dashed line ` +
      "confidence is accuracy; columns below it are overconfident. A dot is the mean confidence of its column."));
}

function drawDetails() {
  const place = section("details"), { border, calibration } = data.measures;
  if (!border) return;
  place.hidden = false;
  if (!calibration) place.querySelector("h2").textContent = "Borders and objects";
  place.append(make("div", { class: "row" }, drawSizes(), calibration ? drawReliability() : ""), make("p", { class: "note" },
    `Borders: mean IoU ${percent(border.mean_iou, 2)} and accuracy ${percent(border.global_accuracy, 2)} over the ${grouped(border.pixels)} pixels ` +
    `that are at most ${border.width} pixels from a change of the label (trimap; Kohli et al., 2009; Csurka et al., 2013). ` +
    "The table of classes has the IoU of each."));
}
