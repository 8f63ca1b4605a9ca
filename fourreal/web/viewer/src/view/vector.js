/** Vectors of three numbers, and camera poses: 4x4 camera_to_world, row by row, OpenCV axes (x right, y down, z forward). */

export const add = (a, b, scale = 1) => [a[0] + scale * b[0], a[1] + scale * b[1], a[2] + scale * b[2]];
export const sub = (a, b) => add(a, b, -1);
export const times = (a, scale) => [a[0] * scale, a[1] * scale, a[2] * scale];
export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
export const length = (a) => Math.hypot(...a);
export const unit = (a) => times(a, 1 / Math.max(length(a), 1e-12));
export const mix = (a, b, part) => a + (b - a) * part;
export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
export const degrees = (radians) => (radians * 180) / Math.PI;
export const radians = (angle) => (angle * Math.PI) / 180;

/** A unit vector orthogonal to another. */
export function sideways(a) {
  const axis = [0, 0, 0];
  axis[a.map(Math.abs).indexOf(Math.min(...a.map(Math.abs)))] = 1;
  return unit(cross(a, axis));
}

export const column = (pose, k) => [pose[0][k], pose[1][k], pose[2][k]];

export function poseOf(right, down, forward, position) {
  return [0, 1, 2].map((k) => [right[k], down[k], forward[k], position[k]]).concat([[0, 0, 0, 1]]);
}

/** The pose at `position` that looks at `target`. */
export function lookAt(position, target, up) {
  const forward = unit(sub(target, position));
  const right = unit(cross(forward, up));
  return poseOf(right, cross(forward, right), forward, position);
}

/** World to camera as the shader takes it: 16 numbers, column by column. */
export function viewMatrix(pose) {
  const axes = [column(pose, 0), column(pose, 1), column(pose, 2)];
  const offset = axes.map((axis) => -dot(axis, column(pose, 3)));
  const out = new Float32Array(16);
  for (let k = 0; k < 3; k++) for (let row = 0; row < 3; row++) out[4 * k + row] = axes[row][k];
  out.set([...offset, 1], 12);
  return out;
}
