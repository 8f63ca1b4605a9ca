/** Where pictures lie on the stage, and how two scenes share one camera. */

import { column, dot, length, sub } from "./vector.js";

export const LAYOUTS = ["single", "side", "wipe"];
const CROP = 1.3; // how much of the reference picture may be cut off to fill a pane of another shape

/** Rectangles in CSS pixels, [x, y, width, height]: for each slot what is filled, and where its picture lies. */
export function panes(layout, width, height, divider) {
  const all = [0, 0, width, height];
  const left = Math.round(layout === "side" ? width / 2 : width * divider);
  if (layout === "single") return [{ rect: all, frame: all }];
  const rects = [
    [0, 0, left, height],
    [left, 0, width - left, height],
  ];
  return rects.map((rect) => ({ rect, frame: layout === "side" ? rect : all }));
}

/** The focal length, in pixels, with which a pane shows a camera of `fov` degrees made for pictures of `aspect`. */
export function focal(fov, aspect, width, height) {
  const tangent = Math.tan((fov * Math.PI) / 360);
  const byHeight = height / 2 / tangent;
  const byWidth = width / 2 / (tangent * aspect);
  return Math.min(Math.max(byHeight, byWidth), CROP * Math.min(byHeight, byWidth));
}

/**
 * From poses of the first scene's frame to the second's: the frame of every fit is its own, but both know where the
 * reference camera stood. Their sizes are compared by how far the freeze-time cameras spread.
 */
export function relation(first, second) {
  const [a, b] = [first.reference.camera_to_world, second.reference.camera_to_world];
  const scale = size(second, first) / size(first, second);
  return (pose) => {
    const inA = (vector) => [0, 1, 2].map((k) => dot(column(a, k), vector));
    const outB = (vector) => [0, 1, 2].map((k) => dot(b[k].slice(0, 3), vector));
    const axes = [0, 1, 2].map((k) => outB(inA(column(pose, k))));
    const position = outB(inA(sub(column(pose, 3), column(a, 3))).map((value) => value * scale)).map((v, k) => v + b[k][3]);
    return [0, 1, 2].map((k) => [axes[0][k], axes[1][k], axes[2][k], position[k]]).concat([[0, 0, 0, 1]]);
  };
}

function size(view, other) {
  const spread = view.freeze.length === other.freeze.length ? spreadOf(view.freeze) : 0;
  return spread > 1e-6 ? spread : length(sub(view.centre, column(view.reference.camera_to_world, 3)));
}

function spreadOf(poses) {
  const centres = poses.map((pose) => column(pose, 3));
  const mean = [0, 1, 2].map((k) => centres.reduce((sum, centre) => sum + centre[k], 0) / centres.length);
  return Math.sqrt(centres.reduce((sum, centre) => sum + length(sub(centre, mean)) ** 2, 0) / centres.length);
}
