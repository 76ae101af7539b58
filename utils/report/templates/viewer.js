// A single image in large: two layers with a divider between them.

const viewer = { record: null, left: "truth", right: "prediction", split: 0.5, opacity: 0.75, boxes: false };

function openViewer(record) {
  const dialog = section("viewer");
  const title = make("h3"), under = make("canvas"), over = make("canvas"), divider = make("div", { class: "split" });
  const tags = ["left", "right"].map(side => make("span", { class: "tag", style: `${side}:8px` }));
  const said = make("span", { "aria-live": "polite" }), regions = make("ul", { class: "regions" }), boxes = make("div");
  const slider = make("input", { type: "range", min: 0, max: 1, step: 0.01, value: viewer.split, "aria-label": "divider between the layers",
    input: () => divide(Number(slider.value)) });
  const stage = make("div", { class: "stage", pointerdown: drag, pointermove: drag }, under, over, boxes, divider, ...tags);
  let pixels = null;

  function divide(value) {
    viewer.split = Math.min(1, Math.max(0, value));
    slider.value = viewer.split;
    over.style.clipPath = `inset(0 ${100 * (1 - viewer.split)}% 0 0)`;
    divider.style.left = `${100 * viewer.split}%`;
  }

  function drag(event) {
    const box = stage.getBoundingClientRect(), x = (event.clientX - box.x) / box.width, y = (event.clientY - box.y) / box.height;
    if (event.type === "pointerdown" || event.buttons & 1) divide(x);
    if (pixels && x >= 0 && x < 1 && y >= 0 && y < 1) {
      const at = Math.floor(y * pixels.height) * pixels.width + Math.floor(x * pixels.width);
      const name = index => (index === IGNORED ? data.ignored.name : data.classes[index].name);
      said.textContent = `truth ${name(pixels.truth[at])}, prediction ${name(pixels.prediction[at])}`;
    }
  }

  function redraw() {
    if (!pixels) return;
    paint(over, pixels, viewer.left, viewer.opacity);
    paint(under, pixels, viewer.right, viewer.opacity);
    [viewer.left, viewer.right].forEach((layer, index) => { tags[index].textContent = LAYERS.find(([key]) => key === layer)[1]; });
  }

  /** Frames regions `[label, prediction, suspicion, x, y, width, height]`. */
  function outline(list) {
    const { width, height } = viewer.record;
    boxes.replaceChildren(...list.map(([, , , x, y, w, h]) => make("div", { class: "box", style:
      `left:${(100 * x) / width}%;top:${(100 * y) / height}%;width:${(100 * w) / width}%;height:${(100 * h) / height}%` })));
  }

  async function show(next) {
    viewer.record = next;
    const rank = view.list.indexOf(next);
    title.textContent = `${next.name} · mean IoU ${percent(next.mean_iou)} · accuracy ${percent(next.accuracy)}`;
    title.title = `${rank + 1} of ${view.list.length}`;
    const strongest = next.regions.slice(0, 8);
    regions.replaceChildren(...strongest.map(region => make("li", {}, make("button", {
      type: "button", mouseenter: () => outline([region]), focus: () => outline([region]), click: () => outline([region]),
      mouseleave: () => outline(viewer.boxes ? strongest : []),
    }, swatch(data.classes[region[0]].color), `${data.classes[region[0]].name} → `, swatch(data.classes[region[1]].color),
    `${data.classes[region[1]].name} ${region[2].toFixed(0)}`))));
    outline(viewer.boxes ? strongest : []);
    stage.style.maxWidth = `calc((96vh - 14rem) * ${next.width / next.height})`;
    pixels = null;
    const loaded = await load(next);
    if (viewer.record !== next) return;
    pixels = loaded;
    redraw();
  }

  const step = by => show(view.list[(view.list.indexOf(viewer.record) + by + view.list.length) % view.list.length]);
  const layer = side => select(side, LAYERS, viewer[side], value => { viewer[side] = value; redraw(); });
  const button = (text, label, click) => make("button", { type: "button", "aria-label": label, click }, text);
  const opacity = make("input", { type: "range", min: 0, max: 1, step: 0.05, value: viewer.opacity,
    input: () => { viewer.opacity = Number(opacity.value); redraw(); } });
  const framed = make("input", { type: "checkbox", checked: viewer.boxes,
    change: () => { viewer.boxes = framed.checked; outline(viewer.boxes ? viewer.record.regions.slice(0, 8) : []); } });
  dialog.replaceChildren(
    make("div", { class: "bar-top" }, title, button("←", "previous image", () => step(-1)), button("→", "next image", () => step(1)),
      button("✕", "close", () => dialog.close())),
    stage,
    make("div", { class: "under" }, layer("left"), make("label", { class: "wide" }, "divider", slider), layer("right"),
      make("label", {}, "opacity", opacity), hasSuspects ? make("label", {}, framed, "frame suspect areas") : null, said),
    regions);
  dialog.onkeydown = event => {
    if (["INPUT", "SELECT"].includes(event.target.tagName)) return;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) step(by);
  };
  dialog.onclick = event => { if (event.target === dialog) dialog.close(); };
  viewer.boxes = framed.checked = view.order === "suspicion" || viewer.boxes;
  divide(viewer.split);
  show(record);
  if (!dialog.open) dialog.showModal();
}
