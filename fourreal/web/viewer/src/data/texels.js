/** Scene arrays as texels for the vertex shader: everything that draws a splat, in two reads and two a moving one. */

export const WIDTH = 2048; // texels a row: no WebGL2 offers less
const LAYER = WIDTH * 2048;

/** An array in `bits` bits: those that do not fit are dropped, and value = origin + step * number still. */
function narrowed({ data, origin, step, bytes }, bits) {
  const drop = Math.max(0, 8 * bytes - bits);
  const size = 2 ** drop;
  return {
    data,
    drop,
    origin: origin.map((value, i) => value + (step[i] * (size - 1)) / 2),
    step: step.map((value) => value * size),
  };
}

/** Positions as floats: (N, 3) row by row. */
export function positions({ data, origin, step, rows }) {
  const out = new Float32Array(rows * 3);
  for (let column = 0; column < 3; column++) {
    for (let i = 0; i < rows; i++) out[3 * i + column] = origin[column] + step[column] * data[column * rows + i];
  }
  return out;
}

/**
 * Two texels of 4 x 32 bits a splat:
 *   x, y, z as floats | red, green
 *   blue, opacity | quaternion x, y | z, scale x | scale y, z
 * with 16-bit numbers, the first of a pair in the low half. Returns {texels, height, ranges}.
 */
export function canonicalTexels(arrays, means) {
  const count = arrays.means.rows;
  const [color, opacity, quat, scale] = ["colors", "opacities", "quats", "scales"].map((n) => narrowed(arrays[n], 16));
  const height = Math.max(1, Math.ceil((2 * count) / WIDTH));
  const texels = new Uint32Array(WIDTH * height * 4);
  const floats = new Float32Array(texels.buffer);
  const pick = ({ data, drop }, column) => {
    const part = data.subarray(column * count, (column + 1) * count);
    return (i) => part[i] >>> drop;
  };
  const [red, green, blue] = [0, 1, 2].map((c) => pick(color, c));
  const [qx, qy, qz] = [0, 1, 2].map((c) => pick(quat, c));
  const [sx, sy, sz] = [0, 1, 2].map((c) => pick(scale, c));
  const alpha = pick(opacity, 0);
  for (let i = 0, at = 0; i < count; i++, at += 8) {
    floats[at] = means[3 * i];
    floats[at + 1] = means[3 * i + 1];
    floats[at + 2] = means[3 * i + 2];
    texels[at + 3] = red(i) | (green(i) << 16);
    texels[at + 4] = blue(i) | (alpha(i) << 16);
    texels[at + 5] = qx(i) | (qy(i) << 16);
    texels[at + 6] = qz(i) | (sx(i) << 16);
    texels[at + 7] = sy(i) | (sz(i) << 16);
  }
  const ranges = {
    color: [color.origin, color.step],
    opacity: [opacity.origin, opacity.step],
    quat: [quat.origin, quat.step],
    scale: [scale.origin, scale.step],
  };
  return { texels, width: WIDTH, height, ranges };
}

/**
 * One texel of 4 x 32 bits a moving splat and time: shift x, y | shift z, turn x | turn y, z (16 bits each) | stretch
 * x, y, z (10 bits each). Texel k * moving + i is splat i at frame k. Returns null where nothing moves.
 */
export function motionTexels(arrays, moving, frames) {
  const count = moving * frames;
  if (!count || !(arrays.shifts || arrays.turns || arrays.stretches)) return null;
  const layers = Math.ceil(count / LAYER);
  const height = Math.ceil(count / WIDTH / layers);
  const texels = new Uint32Array(WIDTH * height * layers * 4);
  const ranges = {};
  const put = (name, bits, places) => {
    const array = arrays[name];
    ranges[name] = [[0, 0, 0], [0, 0, 0]];
    if (!array) return;
    const { data, drop, origin, step } = narrowed(array, bits);
    ranges[name] = [origin, step];
    places.forEach(([word, left], column) => {
      const part = data.subarray(column * count, (column + 1) * count);
      for (let i = 0, at = word; i < count; i++, at += 4) texels[at] |= (part[i] >>> drop) << left;
    });
  };
  put("shifts", 16, [[0, 0], [0, 16], [1, 0]]);
  put("turns", 16, [[1, 16], [2, 0], [2, 16]]);
  put("stretches", 10, [[3, 0], [3, 10], [3, 20]]);
  return { texels, width: WIDTH, height, layers, ranges };
}
