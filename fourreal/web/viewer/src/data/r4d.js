/** The `.r4d` format: its header checked value by value, and its arrays back as whole numbers. */

import { SceneError } from "../errors.js";

export const MAGIC = 0x31443452; // "R4D1", little endian
export const LIMITS = {
  header: 4 << 20, // bytes
  splats: 16_000_000,
  frames: 4_096,
  keys: 200_000_000, // moving splats times frames
  body: 2 ** 30, // bytes
};

// name: columns. The first five describe the canonical splats, the others what the moving ones do at each time.
const CANONICAL = { means: 3, quats: 3, scales: 3, colors: 3, opacities: 1 };
const MOTION = { shifts: 3, turns: 3, stretches: 3 };

const refuse = (what) => {
  throw new SceneError(`This scene file is damaged: ${what}.`);
};
const number = (value, what) => (Number.isFinite(value) ? value : refuse(`${what} is not a number`));
const whole = (value, low, high, what) =>
  Number.isInteger(value) && value >= low && value <= high ? value : refuse(`${what} is not from ${low} to ${high}`);
const numbers = (value, count, what) => {
  if (!Array.isArray(value) || value.length !== count) refuse(`${what} does not have ${count} numbers`);
  value.forEach((entry) => number(entry, what));
  return value;
};

/** The header in `text`, a JSON document. Throws a SceneError for whatever does not hold. */
export function parseHeader(text) {
  let header;
  try {
    header = JSON.parse(text);
  } catch {
    refuse("its header cannot be read");
  }
  if (header === null || typeof header !== "object") refuse("its header cannot be read");
  if (header.version !== 1) {
    throw new SceneError(`This scene file is of version ${header.version}, which this viewer does not know. Reload the page.`);
  }
  whole(header.splats, 1, LIMITS.splats, "the number of splats");
  whole(header.frames, 1, LIMITS.frames, "the number of frames");
  whole(header.moving, 0, header.splats, "the number of moving splats");
  if (header.moving * header.frames > LIMITS.keys) refuse("it has more motion than can be shown");
  if (!(number(header.fps, "fps") > 0)) refuse("fps is not above 0");
  if (!(number(header.canonical, "the canonical frame") >= 0 && header.canonical <= header.frames - 1)) {
    refuse("the canonical frame lies outside");
  }
  numbers(header.background, 3, "the background");
  if (header.sky !== undefined) {
    if (!Array.isArray(header.sky) || header.sky.length !== 16) refuse("the sky does not have 16 colours");
    header.sky.forEach((color) => numbers(color, 3, "the sky"));
  }
  checkView(header.view);
  checkArrays(header);
  return header;
}

function pose(value, what) {
  if (!Array.isArray(value) || value.length !== 4) refuse(`${what} is not a 4x4 matrix`);
  value.forEach((row) => numbers(row, 4, what));
  for (let a = 0; a < 3; a++) {
    for (let b = 0; b < 3; b++) {
      const dot = value[0][a] * value[0][b] + value[1][a] * value[1][b] + value[2][a] * value[2][b];
      if (Math.abs(dot - (a === b ? 1 : 0)) > 1e-2) refuse(`${what} is not a rigid transform`);
    }
  }
}

function range(value, what) {
  numbers(value, 2, what);
  if (value[0] > value[1]) refuse(`${what} runs backwards`);
}

function checkView(view) {
  if (view === null || typeof view !== "object" || !view.reference) refuse("it has no reference camera");
  pose(view.reference.camera_to_world, "the reference camera");
  const lens = numbers(view.reference.intrinsics, 4, "the reference camera's lens");
  const size = numbers(view.reference.size, 2, "the reference camera's size");
  if (!(lens[0] > 0 && lens[1] > 0 && size[0] > 0 && size[1] > 0)) refuse("the reference camera has no size");
  if (!Array.isArray(view.freeze)) refuse("the freeze-time cameras are missing");
  view.freeze.forEach((camera) => pose(camera, "a freeze-time camera"));
  numbers(view.centre, 3, "the centre");
  if (!(Math.hypot(...numbers(view.up, 3, "the up vector")) > 1e-6)) refuse("the up vector has no length");
  for (const name of ["azimuth", "elevation", "distance"]) range(view[name], `the range of ${name}`);
  if (!(view.distance[0] > 0)) refuse("the range of distance reaches the centre");
}

function checkArrays(header) {
  if (!Array.isArray(header.arrays)) refuse("it lists no arrays");
  const seen = new Set();
  for (const array of header.arrays) {
    const { name } = array ?? {};
    if (seen.has(name)) refuse(`it has ${name} twice`);
    seen.add(name);
    const moves = Object.hasOwn(MOTION, name);
    if (!moves && !Object.hasOwn(CANONICAL, name)) refuse("it has an array that is not known");
    const columns = moves ? MOTION[name] : CANONICAL[name];
    const frames = moves ? header.frames : 1;
    const rows = moves ? header.moving : header.splats;
    if (array.frames !== frames || array.rows !== rows || array.columns !== columns) refuse(`${name} has the wrong size`);
    whole(array.bytes, 1, 3, `the bytes of ${name}`);
    numbers(array.origin, columns, `the origin of ${name}`);
    numbers(array.step, columns, `the step of ${name}`);
    if (!["none", "rows", "frames"].includes(array.delta)) refuse(`${name} is stored in an unknown way`);
  }
  for (const name of Object.keys(CANONICAL)) if (!seen.has(name)) refuse(`${name} are missing`);
  if (bodyLength(header) > LIMITS.body) refuse("it is larger than can be shown");
}

const arrayLength = (array) => array.frames * array.rows * array.columns * array.bytes;

/** How many bytes follow the header. */
export const bodyLength = (header) => header.arrays.reduce((sum, array) => sum + arrayLength(array), 0);

/**
 * The arrays of a body, by name: {frames, rows, columns, bytes, origin, step, data}, `data` whole numbers in the order
 * column, frame, row, so that value = origin[column] + step[column] * data[(column * frames + frame) * rows + row].
 */
export function unpack(header, body) {
  const arrays = {};
  let at = 0;
  for (const array of header.arrays) {
    arrays[array.name] = { ...array, data: numbersOf(array, body.subarray(at, at + arrayLength(array))) };
    at += arrayLength(array);
  }
  return arrays;
}

/** Byte planes, low byte first, joined to numbers; then the deltas summed up. */
function numbersOf({ frames, rows, columns, bytes, delta }, planes) {
  const count = frames * rows;
  const Type = [Uint8Array, Uint16Array, Uint32Array][bytes - 1];
  const all = new Type(count * columns);
  for (let column = 0; column < columns; column++) {
    const out = all.subarray(column * count, (column + 1) * count);
    const plane = (k) => planes.subarray((column * bytes + k) * count, (column * bytes + k + 1) * count);
    const low = plane(0);
    if (bytes === 1) out.set(low);
    else {
      const middle = plane(1);
      if (bytes === 2) for (let i = 0; i < count; i++) out[i] = low[i] | (middle[i] << 8);
      else {
        const high = plane(2);
        for (let i = 0; i < count; i++) out[i] = low[i] | (middle[i] << 8) | (high[i] << 16);
      }
    }
    if (delta !== "none") addUp(out, delta === "rows" ? 1 : rows, rows, bytes === 3 ? 0xffffff : 0xffffffff);
  }
  return all;
}

/** Each number plus the one `back` places before it: within a frame (back 1) or from frame to frame (back = rows). */
function addUp(out, back, rows, mask) {
  if (back === 1) {
    for (let start = 0; start < out.length; start += rows) {
      for (let i = start + 1, end = start + rows; i < end; i++) out[i] = (out[i] + out[i - 1]) & mask;
    }
  } else {
    for (let i = back; i < out.length; i++) out[i] = (out[i] + out[i - back]) & mask;
  }
}
