/** Where pictures lie on the stage, and how two scenes share one camera. */

import { column, dot, length, sub } from "./vector.js";

export const LAYOUTS = ["single", "side", "wipe"];
const SHAPE = 16 / 9; // of panes, and of films
const GAP = 4; // CSS pixels between panes
const CROP = 1.6; // how much of the reference picture may be cut off to fill a pane of another shape

/** The largest box of `aspect` in the middle of another, [x, y, width, height]. */
export function fitted([x, y, width, height], aspect) {
  const w = Math.max(1, Math.round(Math.min(width, height * aspect)));
  const h = Math.max(1, Math.round(Math.min(height, width / aspect)));
  return [x + Math.round((width - w) / 2), y + Math.round((height - h) / 2), w, h];
}

/**
 * Rectangles in CSS pixels, [x, y, width, height]: for each of `count` pictures what is filled, and where the picture
 * lies. What is compared keeps 16:9 and stands beside or below each other, whatever makes it larger. film: one picture
 * is shown as a film will have it. aspect: of the reference picture, of which one picture alone shows no more above and below.
 */
export function panes(layout, count, width, height, divider, film = false, aspect = SHAPE) {
  const all = [0, 0, width, height];
  if (layout === "single" || count < 2) {
    const frame = film ? fitted(all, SHAPE) : fitted(all, Math.max(width / height, aspect / CROP));
    return [{ rect: frame, frame }];
  }
  if (layout === "wipe" && count === 2) {
    const frame = fitted(all, SHAPE);
    const left = Math.round(frame[2] * divider);
    const rects = [
      [frame[0], frame[1], left, frame[3]],
      [frame[0] + left, frame[1], frame[2] - left, frame[3]],
    ];
    return rects.map((rect) => ({ rect, frame }));
  }
  const grids = [...Array(count).keys()].map((less) => {
    const columns = count - less;
    const rows = Math.ceil(count / columns);
    const cell = [(width - GAP * (columns - 1)) / columns, (height - GAP * (rows - 1)) / rows];
    return { columns, cell, wide: Math.min(cell[0], cell[1] * SHAPE) };
  });
  const { columns, cell } = grids.reduce((best, grid) => (grid.wide > best.wide + 1 ? grid : best));
  const rows = Math.ceil(count / columns);
  return [...Array(count).keys()].map((k) => {
    const [column, row] = [k % columns, Math.floor(k / columns)];
    const alone = row === rows - 1 ? columns * rows - count : 0; // what the last row lacks is left at both sides
    const left = Math.round((column + alone / 2) * (cell[0] + GAP));
    const right = Math.round((column + alone / 2) * (cell[0] + GAP) + cell[0]);
    const [top, bottom] = [Math.round(row * (cell[1] + GAP)), Math.round(row * (cell[1] + GAP) + cell[1])];
    const frame = fitted([left, top, right - left, bottom - top], SHAPE);
    return { rect: frame, frame };
  });
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
