/** From the state of a viewer to what the painter draws. */

import { viewMatrix } from "./vector.js";
import { focal, panes } from "./panes.js";

const POINT = 1.6; // CSS pixels, the radius of a point
const DARK = [0.051, 0.059, 0.075];

/** "#rgb", "#rrggbb" or [r, g, b] in 0 to 1, as [r, g, b]; null for anything else. */
export function rgb(color) {
  if (Array.isArray(color)) return color.length === 3 && color.every(Number.isFinite) ? color : null;
  const match = /^#(?:([\da-f]{3})|([\da-f]{6}))$/i.exec(color ?? "");
  if (!match) return null;
  const digits = match[2] ?? [...match[1]].map((digit) => digit + digit).join("");
  return [0, 2, 4].map((at) => parseInt(digits.slice(at, at + 2), 16) / 255);
}

export const css = (color) => `rgb(${color.map((value) => Math.round(255 * Math.min(1, Math.max(0, value)))).join(" ")})`;

/** Which slots are shown, and where, in CSS pixels: {slot, rect, frame}. */
export function places(viewer) {
  const { clientWidth: width, clientHeight: height } = viewer.stage;
  const { taken } = viewer.slots;
  const sides = [Math.max(1, width), Math.max(1, height)];
  const all = panes(viewer.layout, taken.length, ...sides, viewer.divider, viewer.editing, aspectOf(viewer.rig));
  return all.map((pane, k) => ({ slot: taken[k], ...pane }));
}

/** The picture's shape that the camera was made for. */
export const aspectOf = (rig) => (rig.view ? rig.view.reference.size[0] / rig.view.reference.size[1] : 16 / 9);

/** Focal length in CSS pixels for a frame [x, y, width, height] and a nominal field of view. */
export const focalIn = (rig, frame, fov = rig.now.fov) => focal(fov, aspectOf(rig), frame[2], frame[3]);

/**
 * Where a still lies, [frame, height]: as large as the scene's picture from its reference camera will be, so that nothing
 * jumps when the scene comes. What a server drew has the shape of the frame already.
 */
export function stillIn(viewer, aspect) {
  const { clientWidth: width, clientHeight: height } = viewer.stage;
  const drawn = !viewer.painter && viewer.slots.leader;
  const { frame } = drawn ? places(viewer)[0] : panes("single", 1, width, height, 0, viewer.editing, aspect)[0];
  return [frame, 2 * focal(90, aspect, frame[2], frame[3])];
}

/** The world-to-camera matrix with which a slot sees what the rig sees. */
export function viewOf(viewer, slot) {
  const pose = viewer.rig.poseOf();
  const across = viewer.slots.relations[slot];
  return viewMatrix(across ? across(pose) : pose);
}

/** What `Painter.draw` takes, `ratio` canvas pixels a CSS pixel. */
export function compose(viewer, ratio) {
  const { rig, clock, display } = viewer;
  const { leader, scenes } = viewer.slots;
  // Points and depths say nothing about the background, and are seen best on a dark one.
  const own = rgb(viewer.background) ?? (display === "splats" ? null : DARK);
  const scaled = (box) => {
    const [x, y] = [Math.round(box[0] * ratio[0]), Math.round(box[1] * ratio[1])];
    return [x, y, Math.round((box[0] + box[2]) * ratio[0]) - x, Math.round((box[1] + box[3]) * ratio[1]) - y];
  };
  return places(viewer).map(({ slot, rect, frame }) => {
    const scene = scenes[slot];
    const at = scaled(frame);
    const length = focalIn(rig, frame) * ratio[1];
    return {
      rect: scaled(rect), frame: at, background: own ?? scene?.header.background ?? leader?.header.background ?? DARK,
      sky: own ? null : (scene?.header.sky?.flat() ?? null),
      splats: scene?.gpu ?? null, view: viewOf(viewer, slot), lens: [length, length, at[2] / 2, at[3] / 2],
      ...(scene?.between(clock.time) ?? { keys: [0, 0], part: 0 }),
      amount: viewer.deformed ? 1 : 0, mode: display, pointRadius: POINT * ratio[1],
    };
  });
}
