// The network in a thread of its own, so that the page stays responsive. Messages: see `answers`.

import { classesOf, fitSize, paddedSize, probabilityAt, resizeAndPad } from "./pixels.js";

const RUNTIMES = {
  webgpu: { script: "ort.jspi.min.mjs", binary: "ort-wasm-simd-threaded.jspi.wasm.gz", name: "WebGPU" },
  wasm: { script: "ort.wasm.min.mjs", binary: "ort-wasm-simd-threaded.wasm.gz", name: "WebAssembly" },
};
const MAX_THREADS = 4; // more gain little at these sizes

let ort, network, session;
let last = null; // the newest result, for the probability at a pixel

// Reads a gzip file; some servers unpack it by themselves.
async function readPacked(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`cannot read ${path}: ${response.status} ${response.statusText}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// WebGPU needs a GPU, and JavaScript Promise Integration for WebAssembly to wait for it.
async function hasWebGpu() {
  if (!("Suspending" in WebAssembly) || !navigator.gpu) return false;
  return Boolean(await navigator.gpu.requestAdapter().catch(() => null));
}

async function open(device) {
  const { script, binary, name } = RUNTIMES[device];
  ort = await import(`./runtime/${script}`);
  const threads = self.crossOriginIsolated ? Math.min(MAX_THREADS, navigator.hardwareConcurrency || 1) : 1;
  ort.env.logLevel = "error";
  ort.env.wasm.wasmPaths = new URL("./runtime/", self.location.href).href;
  ort.env.wasm.numThreads = threads;
  const [wasm, model] = await Promise.all([readPacked(`runtime/${binary}`), readPacked("model.onnx.gz")]);
  ort.env.wasm.wasmBinary = wasm.buffer;
  session = await ort.InferenceSession.create(model, { executionProviders: [device], logSeverityLevel: 3 });
  return device === "wasm" ? `${name}, ${threads} thread${threads > 1 ? "s" : ""}` : name;
}

const answers = {
  // {settings, device: "auto" | "webgpu" | "wasm"} -> {device, devices, name}
  async open({ settings, device }) {
    network = settings;
    const devices = (await hasWebGpu()) ? ["webgpu", "wasm"] : ["wasm"];
    const first = devices.includes(device) ? device : devices[0];
    try {
      return { devices, device: first, name: await open(first) };
    } catch (error) {
      if (first === "wasm" || device !== "auto") throw error;
      return { devices, device: "wasm", name: await open("wasm"), note: `WebGPU failed: ${error.message}` };
    }
  },

  // {rgba, size: [h, w], side} -> {classes, size: [h, w], milliseconds}
  async segment({ rgba, size, side }) {
    const start = performance.now();
    let fitted = fitSize(...size, side);
    const target = paddedSize(fitted, network);
    if (fitted[0] > target[0] || fitted[1] > target[1]) fitted = target; // a network of one size
    const rgb = resizeAndPad(rgba, size, fitted, target);
    const images = new ort.Tensor("uint8", rgb, [1, ...target, 3]);
    const results = await session.run({ images });
    const output = results[session.outputNames[0]];
    const logits = await output.getData();
    const classes = classesOf(logits, fitted, target[1], network.classes.length);
    last = { logits, width: target[1] };
    return { classes, size: fitted, padded: target, milliseconds: performance.now() - start };
  },

  // {x, y} of the newest result -> {probability}
  async probability({ x, y }) {
    return { probability: last && probabilityAt(last.logits, y * last.width + x, network.classes.length) };
  },
};

self.onmessage = async ({ data }) => {
  try {
    const result = await answers[data.ask](data);
    self.postMessage({ id: data.id, result }, result.classes ? [result.classes.buffer] : []);
  } catch (error) {
    self.postMessage({ id: data.id, error: error.message || String(error) });
  }
};
