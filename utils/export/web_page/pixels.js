// Pixels as predict.py treats them: linear resizing as in OpenCV, black padding, classes from logits.

// Returns the size [height, width] of a picture whose longer side is at most `side` pixels; 0: as it is.
export function fitSize(height, width, side) {
  const scale = side ? Math.min(1, side / Math.max(height, width)) : 1;
  return [Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale))];
}

// Returns the size [height, width] that the network gets: multiples, or its only size.
export function paddedSize([height, width], network) {
  if (network.size) return network.size;
  const up = (pixels) => Math.ceil(pixels / network.multiple) * network.multiple;
  return [up(height), up(width)];
}

// Rounds a number to the nearest integer, halves to the even one.
function rounded(value) {
  const nearest = Math.round(value);
  return nearest - value === 0.5 && nearest % 2 ? nearest - 1 : nearest;
}

// Returns for each target pixel of an axis the two source pixels and their weights, in 2048ths of float32 numbers.
function axis(source, target) {
  const result = { low: [], high: [], lowWeight: [], highWeight: [] };
  for (let index = 0; index < target; index++) {
    const place = Math.fround((index + 0.5) * (source / target) - 0.5);
    const low = Math.floor(place), part = Math.fround(place - low);
    result.low.push(Math.min(Math.max(low, 0), source - 1));
    result.high.push(Math.min(Math.max(low + 1, 0), source - 1));
    result.lowWeight.push(rounded(Math.fround(1 - part) * 2048));
    result.highWeight.push(rounded(part * 2048));
  }
  return result;
}

// Resizes RGBA pixels linearly without smoothing, to the bit as cv2.resize does (its integer arithmetic of 11 bits),
// and returns RGB pixels padded with black.
// A canvas would smooth, each browser in its own way, and the network would get other pixels than in training.
export function resizeAndPad(rgba, [height, width], [newHeight, newWidth], [padHeight, padWidth]) {
  const rgb = new Uint8Array(padHeight * padWidth * 3);
  if (height === newHeight && width === newWidth) {
    for (let y = 0; y < height; y++) {
      for (let x = 0, from = y * width * 4, to = y * padWidth * 3; x < width; x++, from += 4, to += 3) {
        rgb[to] = rgba[from];
        rgb[to + 1] = rgba[from + 1];
        rgb[to + 2] = rgba[from + 2];
      }
    }
    return rgb;
  }
  const rows = axis(height, newHeight), columns = axis(width, newWidth);
  const lines = new Map(); // source rows, resized across, divided by 16
  const across = (row) => {
    if (lines.has(row)) return lines.get(row);
    const line = new Int32Array(newWidth * 3);
    for (let x = 0, to = 0; x < newWidth; x++) {
      const left = (row * width + columns.low[x]) * 4, right = (row * width + columns.high[x]) * 4;
      for (let channel = 0; channel < 3; channel++, to++) {
        const sum = rgba[left + channel] * columns.lowWeight[x] + rgba[right + channel] * columns.highWeight[x];
        line[to] = sum >> 4;
      }
    }
    for (const old of lines.keys()) if (old < row - 1) lines.delete(old);
    lines.set(row, line);
    return line;
  };
  for (let y = 0; y < newHeight; y++) {
    const above = across(rows.low[y]), below = across(rows.high[y]);
    const upper = rows.lowWeight[y], lower = rows.highWeight[y];
    for (let index = 0, to = y * padWidth * 3; index < newWidth * 3; index++, to++) {
      rgb[to] = (((upper * above[index]) >> 16) + ((lower * below[index]) >> 16) + 2) >> 2;
    }
  }
  return rgb;
}

// Returns the class of each pixel of the upper left [height, width] of logits of width `padWidth`.
export function classesOf(logits, [height, width], padWidth, count) {
  const classes = new Uint8Array(height * width);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, from = y * padWidth * count; x < width; x++, to++, from += count) {
      let best = 0;
      for (let index = 1; index < count; index++) {
        if (logits[from + index] > logits[from + best]) best = index;
      }
      classes[to] = best;
    }
  }
  return classes;
}

// Returns the classes of a picture of another size, the nearest pixel for each; as cv2.INTER_NEAREST.
export function resizeClasses(classes, [height, width], [newHeight, newWidth]) {
  const result = new Uint8Array(newHeight * newWidth);
  for (let y = 0, to = 0; y < newHeight; y++) {
    const row = Math.floor((y * height) / newHeight) * width;
    for (let x = 0; x < newWidth; x++, to++) result[to] = classes[row + Math.floor((x * width) / newWidth)];
  }
  return result;
}

// Returns RGBA pixels of classes in the colors of the legend.
export function paint(classes, colors) {
  const words = new Uint32Array(classes.length), palette = new Uint32Array(256);
  colors.forEach(([red, green, blue], index) => {
    palette[index] = ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  });
  for (let index = 0; index < classes.length; index++) words[index] = palette[classes[index]];
  return new Uint8ClampedArray(words.buffer);
}

// Returns the share of the pixels of each class, in 0..1.
export function sharesOf(classes, count) {
  const pixels = new Array(count).fill(0);
  for (const index of classes) pixels[index]++;
  return pixels.map((number) => number / classes.length);
}

// Returns the softmax of the logits of one pixel at its class, in 0..1.
export function probabilityAt(logits, at, count) {
  const values = logits.subarray(at * count, (at + 1) * count);
  const greatest = Math.max(...values);
  return 1 / values.reduce((sum, value) => sum + Math.exp(value - greatest), 0);
}
