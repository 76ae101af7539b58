// The page: pictures and camera frames go to the worker, its classes are drawn over them.

import { paint, resizeClasses, sharesOf } from "./pixels.js";

const CAMERA_SIDE = "256"; // pixels; a video is to be fluent
const MOST_PIXELS = 4096; // longer side of a picture as it is kept in memory

const byId = (id) => document.getElementById(id);
const picture = byId("picture"), overlay = byId("overlay");
let network, worker, shown = null, camera = null, sideIsChosen = false, frameTimes = [];
const waiting = new Map();

byId("needs-server").hidden = true;

function say(text) { byId("status").textContent = text; }

function fail(error) {
  byId("error").textContent = error.message || String(error);
  byId("error").hidden = false;
}

// Sends a message to the worker and returns its answer.
function ask(name, values, transfer = []) {
  return new Promise((resolve, reject) => {
    const id = crypto.getRandomValues(new Uint32Array(1))[0];
    waiting.set(id, { resolve, reject });
    worker.postMessage({ ask: name, id, ...values }, transfer);
  });
}

async function openNetwork(device) {
  worker?.terminate();
  waiting.clear();
  say("Loading the network ...");
  worker = new Worker("worker.js", { type: "module" });
  worker.onerror = () => fail(new Error("the network's thread did not start; the browser may be too old"));
  worker.onmessage = ({ data: { id, result, error } }) => {
    const { resolve, reject } = waiting.get(id) ?? {};
    waiting.delete(id);
    if (error) reject?.(new Error(error)); else resolve?.(result);
  };
  const opened = await ask("open", { settings: network, device });
  if (opened.note) fail(new Error(opened.note));
  network.device = opened.name;
  byId("device").replaceChildren(...opened.devices.map((value) => {
    const option = new Option(value === "webgpu" ? "WebGPU" : "WebAssembly", value);
    option.selected = value === opened.device;
    return option;
  }));
  say(`Ready on ${network.device}.`);
}

// Segments what is on the picture canvas and shows the result.
async function segment() {
  const { width, height } = picture;
  const rgba = picture.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, width, height).data;
  const side = Number(byId("side").value);
  const result = await ask("segment", { rgba, size: [height, width], side }, [rgba.buffer]);
  const size = network.size ? [height, width] : result.size;
  shown = { ...result, shownSize: size, shown: resizeClasses(result.classes, result.size, size) };
  [overlay.height, overlay.width] = size;
  const colors = network.classes.map(({ color }) => color);
  overlay.getContext("2d").putImageData(new ImageData(paint(shown.shown, colors), size[1], size[0]), 0, 0);
  byId("save").disabled = false;
  showShares();
  return result;
}

function showShares() {
  const shares = sharesOf(shown.shown, network.classes.length);
  [...byId("legend").children].forEach((item, index) => {
    item.querySelector(".share").textContent = `${(100 * shares[index]).toFixed(1)} %`;
    item.classList.toggle("absent", !shares[index]);
  });
}

function showSpeed({ milliseconds, padded }, framesPerSecond) {
  const rate = framesPerSecond ?? 1000 / milliseconds;
  const speed = `${milliseconds.toFixed(0)} ms, ${rate.toFixed(1)} frames/s`;
  say(`${speed} at ${padded[1]}x${padded[0]} on ${network.device}`);
}

// Puts an image, a bitmap or a video frame on the picture canvas.
function draw(source, width, height) {
  const scale = Math.min(1, MOST_PIXELS / Math.max(width, height));
  picture.width = Math.round(width * scale);
  picture.height = Math.round(height * scale);
  picture.getContext("2d", { willReadFrequently: true }).drawImage(source, 0, 0, picture.width, picture.height);
  byId("stage").hidden = false;
  byId("hint").hidden = true;
}

async function openPicture(blob) {
  stopCamera();
  byId("error").hidden = true;
  try {
    if (!blob) throw new Error("that is no picture file");
    // Pixels as they are stored, turned as the camera was held.
    const options = { colorSpaceConversion: "none", premultiplyAlpha: "none", imageOrientation: "from-image" };
    const bitmap = await createImageBitmap(blob, options).catch(() => {
      throw new Error(`this browser cannot read ${blob.name ?? "the picture"} (${blob.type || "unknown type"})`);
    });
    draw(bitmap, bitmap.width, bitmap.height);
    bitmap.close();
    await again();
  } catch (error) {
    fail(error);
  }
}

// Segments the picture on the canvas anew, as after a change of the size; a camera does it by itself.
async function again() {
  if (camera || byId("stage").hidden) return;
  say("Segmenting ...");
  showSpeed(await segment());
}

async function startCamera() {
  byId("error").hidden = true;
  if (!navigator.mediaDevices) throw new Error("browsers allow the camera on https:// and http://localhost only");
  const video = document.createElement("video");
  video.muted = video.playsInline = true;
  const wish = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: { ideal: "environment" } };
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: wish }).catch((error) => {
    throw new Error(`the camera cannot be used: ${error.message}`);
  });
  await video.play();
  if (!sideIsChosen) byId("side").value = CAMERA_SIDE;
  camera = video;
  byId("camera").textContent = "Stop camera";
  frameTimes = [];
  while (camera === video) {
    draw(video, video.videoWidth, video.videoHeight);
    const result = await segment();
    frameTimes = [...frameTimes.slice(-20), performance.now()];
    const span = (frameTimes.at(-1) - frameTimes[0]) / (frameTimes.length - 1);
    showSpeed(result, span ? 1000 / span : undefined);
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
}

function stopCamera() {
  camera?.srcObject.getTracks().forEach((track) => track.stop());
  camera = null;
  byId("camera").textContent = "Start camera";
}

// Shows the class and its probability at a place of the picture.
async function point(event) {
  if (!shown) return;
  const box = overlay.getBoundingClientRect();
  const [height, width] = shown.shownSize;
  const x = Math.min(width - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * width)));
  const y = Math.min(height - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * height)));
  const index = shown.shown[y * width + x];
  [...byId("legend").children].forEach((item, other) => item.classList.toggle("at", other === index));
  const place = { x: Math.floor((x * shown.size[1]) / width), y: Math.floor((y * shown.size[0]) / height) };
  const { probability } = await ask("probability", place);
  const swatch = document.createElement("span");
  swatch.className = "swatch";
  swatch.style.background = `rgb(${network.classes[index].color})`;
  byId("pointer").replaceChildren(swatch, ` ${network.classes[index].name}, ${(100 * probability).toFixed(0)} %`);
}

function leave() {
  byId("pointer").textContent = "Point at the picture to see the class of a pixel.";
  for (const item of byId("legend").children) item.classList.remove("at");
}

// Downloads the picture with its overlay as a PNG file.
function save() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.width, picture.height];
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  context.globalAlpha = byId("opacity").value / 100;
  context.imageSmoothingEnabled = false;
  context.drawImage(overlay, 0, 0, canvas.width, canvas.height);
  const link = document.createElement("a");
  link.download = "segmented.png";
  link.href = canvas.toDataURL("image/png");
  link.click();
}

function describe() {
  document.title = byId("title").textContent = network.title;
  byId("about").textContent = network.about;
  byId("legend").replaceChildren(...network.classes.map(({ name, color }) => {
    const item = document.createElement("li");
    const parts = ["swatch", "name", "share"].map((kind) => {
      const part = document.createElement("span");
      part.className = kind;
      return part;
    });
    parts[0].style.background = `rgb(${color})`;
    parts[1].textContent = name;
    item.append(...parts);
    return item;
  }));
  byId("sample").hidden = !network.sample;
  byId("side").parentElement.hidden = Boolean(network.size);
}

function listen() {
  const drop = byId("drop"), guarded = (action) => (event) => Promise.resolve(action(event)).catch(fail);
  const firstFile = (list) => [...(list ?? [])][0];
  byId("file").onchange = ({ target }) => target.files.length && openPicture(firstFile(target.files));
  byId("sample").onclick = guarded(async () => openPicture(await (await fetch(network.sample)).blob()));
  byId("camera").onclick = guarded(() => (camera ? stopCamera() : startCamera()));
  byId("save").onclick = save;
  byId("opacity").oninput = ({ target }) => { overlay.style.opacity = target.value / 100; };
  byId("side").onchange = guarded(() => { sideIsChosen = true; return again(); });
  byId("device").onchange = guarded(async ({ target }) => { stopCamera(); await openNetwork(target.value); await again(); });
  overlay.onpointermove = overlay.onpointerdown = guarded(point);
  overlay.onpointerleave = leave;
  drop.ondragover = (event) => { event.preventDefault(); drop.classList.add("over"); };
  drop.ondragleave = () => drop.classList.remove("over");
  drop.ondrop = (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    openPicture(firstFile(event.dataTransfer.files));
  };
  document.onpaste = ({ clipboardData }) => clipboardData.files.length && openPicture(clipboardData.files[0]);
  overlay.style.opacity = byId("opacity").value / 100;
}

async function main() {
  network = await (await fetch("model.json")).json();
  describe();
  listen();
  const wanted = new URLSearchParams(location.search).get("device") ?? "auto";
  await openNetwork(wanted);
  if (network.sample) byId("sample").click();
}

main().catch(fail);
