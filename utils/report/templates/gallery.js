// Pixels of an image's layers, and the gallery of all images.

const IGNORED = 255, KEPT = 40, PER_STEP = 24;
const LAYERS = [["photo", "image"], ["truth", "truth"], ["prediction", "prediction"], ["errors", "errors"]];
const palette = new Uint32Array(256);
const pack = ([r, g, b]) => (255 << 24) | (b << 16) | (g << 8) | r;
data.classes.forEach((entry, index) => { palette[index] = pack(entry.color); });
palette[IGNORED] = pack(data.ignored.color);
const WRONG = [214, 39, 40];
const decoded = new Map();  // the last images, by record

async function pixelsOf(source, width, height) {
  const image = new Image();
  image.src = source;
  await image.decode();
  const canvas = make("canvas", { width, height }), context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}

/** Decodes the photo and the class indices of an image. */
function load(record) {
  const found = decoded.get(record);
  decoded.delete(record);
  const { width, height } = record;
  const loading = found ?? Promise.all([pixelsOf(record.photo, width, height), pixelsOf(record.maps, width, 2 * height)]).then(([photo, maps]) => {
    const truth = new Uint8Array(width * height), prediction = new Uint8Array(width * height);
    for (let index = 0; index < truth.length; index++) {
      truth[index] = maps[4 * index];
      prediction[index] = maps[4 * (index + truth.length)];
    }
    return { width, height, photo, truth, prediction };
  });
  decoded.set(record, loading);
  if (decoded.size > KEPT) decoded.delete(decoded.keys().next().value);
  return loading;
}

/** Draws a layer: the photo, colors of classes over it with `opacity` 0..1, or errors over the faded photo. */
function paint(canvas, pixels, layer, opacity) {
  const { width, height, photo, truth, prediction } = pixels;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d"), image = context.createImageData(width, height), out = image.data;
  if (layer === "photo") out.set(photo);
  const classes = layer === "truth" ? truth : prediction, a = opacity, b = 1 - opacity;
  for (let index = 0, at = 0; layer !== "photo" && index < truth.length; index++, at += 4) {
    if (layer === "errors") {
      const isWrong = truth[index] !== prediction[index] && truth[index] !== IGNORED;
      const gray = 0.3 * photo[at] + 0.59 * photo[at + 1] + 0.11 * photo[at + 2];
      for (let channel = 0; channel < 3; channel++) {
        const faded = a * (150 + 0.4 * gray) + b * photo[at + channel];
        out[at + channel] = isWrong ? a * WRONG[channel] + b * photo[at + channel] : faded;
      }
    } else {
      const color = palette[classes[index]];
      out[at] = a * (color & 255) + b * photo[at];
      out[at + 1] = a * ((color >> 8) & 255) + b * photo[at + 1];
      out[at + 2] = a * ((color >> 16) & 255) + b * photo[at + 2];
    }
    out[at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

const hasSuspects = Boolean(data.measures.calibration);  // both need the probabilities
const ORDERS = {
  ...(hasSuspects ? { suspicion: ["most suspect label", (a, b) => b.suspicion - a.suspicion] } : {}),
  worst: ["lowest mean IoU", (a, b) => (a.mean_iou ?? 2) - (b.mean_iou ?? 2)],
  best: ["highest mean IoU", (a, b) => (b.mean_iou ?? -1) - (a.mean_iou ?? -1)],
  name: ["name", (a, b) => a.name.localeCompare(b.name, "en", { numeric: true })],
};
const view = { order: "worst", class: "", layer: "prediction", opacity: 0.65, shown: PER_STEP, list: [] };

/** The images of the filter, in the chosen order; of a class: by its IoU. */
function listed() {
  const index = view.class === "" ? null : Number(view.class);
  const list = data.images.filter(record => index === null || index in record.class_iou);
  const byClass = { worst: 1, best: -1 }[view.order];
  if (index !== null && byClass) return list.sort((a, b) => byClass * (a.class_iou[index] - b.class_iou[index]));
  return list.sort(ORDERS[view.order][1]);
}

function drawGallery() {
  if (!data.images.length) return;
  const place = section("images");
  place.hidden = false;
  const gallery = make("ul", { class: "gallery" }), count = make("span", { class: "count", role: "status" });
  const more = make("button", { type: "button", class: "more", click: () => { view.shown += PER_STEP; update(); } });
  const cards = new Map(data.images.map(record => [record, makeCard(record)]));
  const observer = new IntersectionObserver(entries => entries.forEach(entry => {
    entry.target.isVisible = entry.isIntersecting;
    if (entry.isIntersecting) entry.target.draw();
  }), { rootMargin: "300px" });

  function makeCard(record) {
    const canvas = make("canvas", { width: record.width, height: record.height, "aria-hidden": "true" });
    const score = make("b"), suspect = make("em", { title: "suspicion of the label" });
    const button = make("button", { type: "button", click: () => openViewer(record) }, canvas,
      make("div", { class: "text" }, make("span", { title: record.name }, record.name), suspect, score));
    const card = make("li", {}, button);
    let drawn = "";
    card.draw = async () => {
      const wanted = `${view.layer} ${view.opacity}`;
      if (drawn === wanted) return;
      drawn = wanted;
      paint(canvas, await load(record), view.layer, view.opacity);
    };
    card.describe = () => {
      const iou = view.class === "" ? record.mean_iou : record.class_iou[view.class];
      const name = view.class === "" ? "mean IoU" : `IoU of ${data.classes[view.class].name}`;
      score.textContent = percent(iou);
      score.title = name;
      suspect.textContent = view.order === "suspicion" ? `suspicion ${record.suspicion.toFixed(0)}` : "";
      const suspicion = hasSuspects ? `, suspicion ${record.suspicion.toFixed(0)}` : "";
      button.setAttribute("aria-label", `${record.name}, ${name} ${percent(iou)}${suspicion}; open`);
    };
    return card;
  }

  function update() {
    view.list = listed();
    const visible = view.list.slice(0, view.shown).map(record => cards.get(record));
    visible.forEach(card => card.describe());
    observer.disconnect();
    gallery.replaceChildren(...visible);
    visible.forEach(card => observer.observe(card));
    count.textContent = `${Math.min(view.shown, view.list.length)} of ${view.list.length} images`;
    more.hidden = view.shown >= view.list.length;
    more.textContent = `Show ${Math.min(PER_STEP, view.list.length - view.shown)} more`;
    drawOthers();
  }

  let turns = 0;
  /** Draws the cards outside of the window too, one at a time while the page is idle: a printed page shows them. */
  async function drawOthers() {
    const turn = ++turns;
    for (const card of [...gallery.children]) {
      await new Promise(resolve => (window.requestIdleCallback ?? setTimeout)(resolve));
      if (turn !== turns) return;
      await card.draw();
    }
  }

  const redraw = () => {
    gallery.querySelectorAll("li").forEach(card => card.isVisible && card.draw());
    drawOthers();
  };
  const restart = (name, value) => { view[name] = value; view.shown = PER_STEP; update(); };
  const classes = [["", "all"], ...data.classes.map((entry, index) => [String(index), entry.name])];
  const opacity = make("input", { type: "range", min: 0, max: 1, step: 0.05, value: view.opacity, "aria-label": "opacity of the colors",
    input: event => { view.opacity = Number(event.target.value); redraw(); } });
  const total = data.scores.images > data.images.length ? ` Of ${grouped(data.scores.images)} images, the ${grouped(data.images.length)} ` +
    "most suspicious and worst ones are here." : "";
  place.append(
    make("div", { class: "tools" },
      select("sort by", Object.entries(ORDERS).map(([key, [text]]) => [key, text]), view.order, value => restart("order", value)),
      select("class", classes, view.class, value => restart("class", value)),
      choice("Layer", LAYERS, view.layer, value => { view.layer = value; redraw(); }),
      make("label", {}, "opacity", opacity), count),
    gallery, more,
    make("p", { class: "note", style: "margin-top:1rem" }, hasSuspects ? "Suspicion grows with connected areas in which the network is sure of another " +
      "class than the label, and the more, the rarer it confuses these two classes elsewhere. A high value is a reason to look at the label: " +
      "either it is wrong, or the network is." : "", total));
  update();
}
