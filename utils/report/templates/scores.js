// Summary, table of classes and confusion matrix.

function drawSummary() {
  const { scores, measures } = data;
  const figures = [
    ["mean IoU", percent(scores.mean_iou, 2)],
    ["global accuracy", percent(scores.global_accuracy, 2)],
    ["F1, mean over classes", percent(scores.macro_f1, 2)],
  ];
  if (measures.border) figures.push([`mean IoU within ${measures.border.width} px of borders`, percent(measures.border.mean_iou, 2)]);
  if (measures.calibration) figures.push(["calibration error (ECE)", percent(measures.calibration.ece, 2)]);
  figures.push(["images", grouped(scores.images)]);
  if (scores.images_per_second) figures.push(["images per second, network alone", scores.images_per_second.toFixed(1)]);
  const cards = figures.map(([name, value]) => make("div", { class: "card" }, make("b", {}, value), make("span", {}, name)));
  const rows = Object.entries(data.about).flatMap(([name, value]) => [
    make("dt", {}, name), make("dd", {}, name === "command" ? make("code", {}, value) : value)]);
  section("summary").append(
    make("div", { class: "figures" }, ...cards), make("div", { class: "card" }, make("dl", { class: "about" }, ...rows)));
}

function drawClasses() {
  const hasBorders = Boolean(data.measures.border);
  const columns = [["name", "class"], ["iou", "IoU"], ["accuracy", "accuracy"]];
  if (hasBorders) columns.push(["border_iou", "IoU at borders"]);
  columns.push(["share", "share of pixels"]);
  const most = Math.max(...data.classes.map(entry => entry.share), 0.01);
  const body = make("tbody");
  const order = data.classes.map((_, index) => index);
  let sorted = { key: null, sign: 1 };

  function fill() {
    body.replaceChildren(...order.map(index => {
      const entry = data.classes[index];
      const cells = columns.slice(1).map(([key]) => make("td", { class: key === "border_iou" ? "optional" : null },
        bar(entry[key], key === "share" ? "var(--soft)" : null, key === "share" ? most : 1)));
      return make("tr", {}, make("th", { scope: "row" }, swatch(entry.color), entry.name), ...cells);
    }));
  }

  function sort(key, header) {
    const isName = key === "name";
    sorted = { key, sign: sorted.key === key ? -sorted.sign : isName ? 1 : -1 };
    const value = index => data.classes[index][key] ?? (isName ? "" : -1);
    order.sort((a, b) => sorted.sign * (isName ? value(a).localeCompare(value(b)) : value(a) - value(b)));
    head.querySelectorAll("th").forEach(cell => cell.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", sorted.sign > 0 ? "ascending" : "descending");
    fill();
  }

  const head = make("tr", {}, ...columns.map(([key, text]) => {
    const header = make("th", { scope: "col", class: key === "border_iou" ? "optional" : null },
      make("button", { type: "button", title: "sort", click: () => sort(key, header) }, `${text} ↕`));
    return header;
  }));
  fill();
  const table = make("table", { class: "scores" }, make("thead", {}, head), body);
  section("classes").append(make("div", { class: "card scroll" }, table));
}

const NORMALIZATIONS = {
  truth: ["share of the true class", "of the true pixels"],
  prediction: ["share of the predicted class", "of the predicted pixels"],
  pixels: ["pixels", ""],
};

function drawConfusion() {
  const { confusion, classes } = data;
  const rows = confusion.map(row => row.reduce((a, b) => a + b, 0));
  const columns = classes.map((_, column) => confusion.reduce((sum, row) => sum + row[column], 0));
  const most = Math.max(...confusion.flat(), 1);
  const said = make("p", { class: "said", "aria-live": "polite" }, "Point at a cell, or move with the arrow keys.");
  const cells = [];
  let kind = "truth", current = [0, 0];

  const share = (i, j) => confusion[i][j] / Math.max(kind === "prediction" ? columns[j] : kind === "truth" ? rows[i] : most, 1);

  function paint() {
    cells.forEach((row, i) => row.forEach((cell, j) => {
      const value = share(i, j), strength = kind === "pixels" ? Math.sqrt(value) : value;
      const color = i === j ? "var(--accent)" : "var(--bad)";
      cell.style.background = `color-mix(in srgb, ${color} ${Math.round(100 * Math.min(1, strength ** 0.6))}%, var(--bar))`;
      cell.style.color = strength ** 0.6 > 0.55 ? "#fff" : "var(--text)";
      cell.textContent = kind === "pixels" ? short(confusion[i][j]) : value >= 0.0005 ? (100 * value).toFixed(value < 0.0995 ? 1 : 0) : "";
    }));
  }

  const short = count => (count >= 1e6 ? `${(count / 1e6).toFixed(1)}M` : count >= 1e3 ? `${(count / 1e3).toFixed(0)}k` : count || "");

  function tell(i, j) {
    const truth = rows[i] ? confusion[i][j] / rows[i] : null, prediction = columns[j] ? confusion[i][j] / columns[j] : null;
    said.textContent = `${percent(truth)} of ${classes[i].name} is predicted as ${classes[j].name} (${grouped(confusion[i][j])} pixels); ` +
      `${percent(prediction)} of what is predicted as ${classes[j].name} is ${classes[i].name}.`;
    heads.forEach((head, index) => head.classList.toggle("on", index === j));
    sides.forEach((side, index) => side.classList.toggle("on", index === i));
  }

  function move(event) {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = current.map((place, axis) => Math.min(classes.length - 1, Math.max(0, place + step[axis])));
    cells[next[0]][next[1]].focus();
  }

  const heads = classes.map(entry => make("th", { scope: "col" }, entry.name));
  const sides = classes.map(entry => make("th", { scope: "row" }, entry.name, " ", swatch(entry.color)));
  const body = classes.map((entry, i) => {
    cells.push(classes.map((_, j) => make("td", {
      tabindex: i + j ? -1 : 0,
      mouseenter: () => tell(i, j),
      focus: event => {
        cells[current[0]][current[1]].tabIndex = -1;
        current = [i, j];
        event.target.tabIndex = 0;
        tell(i, j);
      },
    })));
    return make("tr", {}, sides[i], ...cells[i]);
  });
  const table = make("table", { class: classes.length > 25 ? "matrix many" : "matrix", keydown: move },
    make("thead", {}, make("tr", {}, make("th", {}, "truth ↓  prediction →"), ...heads)), make("tbody", {}, ...body));
  const names = Object.entries(NORMALIZATIONS).map(([key, [text]]) => [key, text]);
  paint();
  section("confusion").append(
    make("div", { class: "tools" }, choice("Cells", names, kind, key => { kind = key; paint(); })),
    make("div", { class: "card" }, make("div", { class: "scroll" }, table), said));
}
