/** Camera paths that play by themselves: the ones that films are made of, by the same names (see fourreal/scene/film.py). */

import { add, column, mix } from "./vector.js";

const REACH = 0.9; // of what the videos saw
const HALTS = 4;
const STILL = 3 / 4; // the share of the time that the study path stands still

/** name: {title, seconds of one round, place(rig, phase in [0, 1)) -> values of a place (and `time`)}. */
export const PATHS = {
  reference: { title: "Reference", seconds: () => 12, place: (rig) => rig.home },
  orbit: { title: "Orbit", seconds: () => 12, place: orbit },
  arc: { title: "Arc", seconds: () => 8, place: arc },
  swing: { title: "Swing", seconds: () => 12, place: swing },
  spiral: { title: "Spiral", seconds: () => 12, place: spiral },
  study: { title: "Study", seconds: (clock) => (HALTS / STILL) * (clock.seconds / clock.speed), place: study },
};

/** The middle share of what was seen; half a turn to either side where everything was. */
function seen(rig, reach) {
  const [low, high] = rig.limits.azimuth.map((angle) => Math.max(-Math.PI, Math.min(Math.PI, angle)));
  const middle = (low + high) / 2;
  const half = ((high - low) / 2) * reach;
  return [middle - half, middle + half];
}

/** All around where everything was seen; else as far as that goes, and back. */
function orbit(rig, phase) {
  if (!Number.isFinite(rig.limits.azimuth[0])) return { ...rig.home, azimuth: 2 * Math.PI * phase };
  return swing(rig, phase, 1);
}

/** From one end of what was seen to the other. */
function arc(rig, phase) {
  return { ...rig.home, azimuth: mix(...seen(rig, 1), phase) };
}

/** Forth and back within it, from the reference camera on. */
function swing(rig, phase, reach = REACH) {
  const [low, high] = seen(rig, reach);
  const start = Math.asin(Math.max(-1, Math.min(1, -(low + high) / Math.max(high - low, 1e-9))));
  return { ...rig.home, azimuth: (low + high) / 2 + ((high - low) / 2) * Math.sin(start + 2 * Math.PI * phase) };
}

/** Small circles that keep looking at the target, moving in and out. */
function spiral(rig, phase) {
  const turn = 4 * Math.PI * phase; // twice around
  const reach = 0.1 * rig.home.distance;
  const pose = rig.poseOf(rig.home);
  const steps = [Math.sin(turn), Math.cos(turn) - 1, Math.sin(turn / 2)];
  const position = steps.reduce((at, step, k) => add(at, column(pose, k), reach * step), column(pose, 3));
  return { ...rig.home, ...rig.around(rig.home.target, position) };
}

/**
 * The paper's user study: along the arc, halting four times while the motion plays; on the way time winds back, so that
 * nothing jumps. From the last halt it swings back to the first.
 */
function study(rig, phase) {
  const [low, high] = seen(rig, REACH);
  const number = Math.floor(phase * HALTS);
  const within = phase * HALTS - number;
  const moved = Math.max(0, (within - STILL) / (1 - STILL));
  const eased = moved * moved * (3 - 2 * moved);
  const stops = [0, 1, 2, 3].map((k) => mix(low, high, k / (HALTS - 1)));
  const from = stops[number];
  const to = stops[(number + 1) % HALTS];
  return { ...rig.home, azimuth: mix(from, to, eased), time: within < STILL ? within / STILL : 1 - moved };
}
