/**
 * A camera path made of keyframes: the same format, checks and formula as fourreal/camera/keyframes.py, which says more.
 * docs/camera_path.md describes the file; a test compares both.
 */

import { add, clamp, cross, dot, length, poseOf, radians, sideways, sub, times, unit } from "./vector.js";

export const FORMAT = "fourreal camera path";
export const VERSION = 1;
export const EASES = { smooth: "Smooth", halt: "Halt", even: "Even" };
export const CLOCKS = { keys: "From the keys", plays: "Plays on" };
export const MOST_KEYS = 200;
export const MOST_BYTES = 256 * 1024;
export const LONGEST = 120; // seconds
export const APART = 0.05; // seconds between two keys, at least
export const FOV = [5, 120]; // degrees
export const LIMITS = [APART, LONGEST, ...FOV, MOST_KEYS, MOST_BYTES];
const FARTHEST = 1e4;

/** The camera `seconds` after the first key: {pose, distance, fov, time}. */
export function shot(path, seconds) {
  const up = unit(path.up);
  const ahead = sideways(up);
  const aside = cross(up, ahead);
  const ats = path.keys.map((key) => key.at);
  const eases = path.keys.map((key) => key.ease);
  const values = interpolate(ats, rowsOf(path.keys, up, ahead, aside), eases, ats[0] + seconds);
  const [azimuth, elevation, away, roll, fov, time] = values.slice(3);
  const level = add(times(ahead, Math.cos(azimuth)), aside, Math.sin(azimuth));
  const outward = add(times(level, Math.cos(elevation)), up, Math.sin(elevation));
  const right = cross(times(level, -1), up);
  const down = cross(times(outward, -1), right);
  const [c, s] = [Math.cos(roll), Math.sin(roll)];
  const turned = [add(times(right, c), down, s), add(times(down, c), right, -s)];
  const distance = Math.exp(away);
  const pose = poseOf(...turned, times(outward, -1), add(values.slice(0, 3), outward, distance));
  return { pose, distance, fov, time: clamp(time, 0, 1) };
}

export const lengthOf = (path) => (path.keys.length ? path.keys.at(-1).at - path.keys[0].at : 0);

/** What time it is in a scene `seconds` after the first key, where it plays by itself: there and back. */
export function played(path, seconds, sceneSeconds) {
  const phase = (path.keys[0].time + seconds / sceneSeconds) % 2;
  return clamp(Math.min(phase, 2 - phase), 0, 1);
}

/** What is interpolated of each key: target, azimuth, elevation, log distance, roll, fov, time. */
function rowsOf(keys, up, ahead, aside) {
  const rows = [];
  for (const key of keys) {
    const arm = sub(key.position, key.target);
    const distance = length(arm);
    let azimuth = Math.atan2(dot(arm, aside), dot(arm, ahead));
    const elevation = Math.asin(clamp(dot(arm, up) / distance, -1, 1));
    let roll = radians(key.roll);
    if (rows.length) {
      azimuth = nearest(azimuth, rows.at(-1)[3]); // the shorter way around
      roll = nearest(roll, rows.at(-1)[6]);
    }
    rows.push([...key.target, azimuth, elevation, Math.log(distance), roll, key.fov, key.time]);
  }
  return rows;
}

/** Each column of `rows`, one a key, at `at`: a cubic through the keys that never overshoots. */
function interpolate(ats, rows, eases, at) {
  const last = ats.length - 1;
  const now = clamp(at, ats[0], ats[last]);
  const k = clamp(ats.filter((one) => one <= now).length - 1, 0, last - 1);
  const h = ats[k + 1] - ats[k];
  const u = (now - ats[k]) / h;
  return rows[0].map((_, column) => {
    const line = rows.map((row) => row[column]);
    const secant = (line[k + 1] - line[k]) / h;
    const [begin, end] = [slope(ats, line, eases, k, secant), slope(ats, line, eases, k + 1, secant)];
    return (
      (1 + 2 * u) * (1 - u) ** 2 * line[k] + u * (1 - u) ** 2 * h * begin +
      u ** 2 * (3 - 2 * u) * line[k + 1] + u ** 2 * (u - 1) * h * end
    );
  });
}

/** The speed of a column at key k, seen from the piece that has `secant`. */
function slope(ats, line, eases, k, secant) {
  if (eases[k] === "even") return secant;
  if (eases[k] === "halt" || k === 0 || k === ats.length - 1) return 0;
  const [before, after] = [ats[k] - ats[k - 1], ats[k + 1] - ats[k]];
  const [one, two] = [(line[k] - line[k - 1]) / before, (line[k + 1] - line[k]) / after];
  if (one * two <= 0) return 0;
  return (3 * (before + after)) / ((2 * after + before) / one + (after + 2 * before) / two);
}

const nearest = (angle, to) => angle - 2 * Math.PI * Math.floor((angle - to) / (2 * Math.PI) + 0.5);

// ---- What a file may say

/** The path that a file's text holds, with nothing in it but what the format has. Throws a RangeError that says why not. */
export function parse(text) {
  if (text.length > MOST_BYTES) throw new RangeError(`A camera path has at most ${MOST_BYTES / 1024} kB.`);
  let value = null;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RangeError("This file is no camera path: it is not JSON.");
  }
  return checked(value);
}

export function checked(value) {
  if (value === null || typeof value !== "object" || value.format !== FORMAT) throw new RangeError("This is no camera path.");
  if (value.version !== VERSION) throw new RangeError("This camera path was saved by another version.");
  if (!Array.isArray(value.keys) || value.keys.length < 2 || value.keys.length > MOST_KEYS) {
    throw new RangeError(`A camera path has 2 to ${MOST_KEYS} keys.`);
  }
  const up = vector(value, "up", "the path");
  if (length(up) < 1e-3) throw new RangeError("The path's up points nowhere.");
  const keys = value.keys.map((key, number) => keyOf(key, `key ${number + 1}`));
  keys.slice(1).forEach((key, before) => {
    if (key.at < keys[before].at + APART - 1e-9) {
      throw new RangeError(`Key ${before + 2} comes less than ${APART} s after the one before.`);
    }
  });
  if (keys.at(-1).at - keys[0].at > LONGEST) throw new RangeError(`The path takes longer than ${LONGEST} s.`);
  return { format: FORMAT, version: VERSION, up, clock: choice(value, "clock", CLOCKS, "the path"), keys };
}

function keyOf(value, where) {
  if (value === null || typeof value !== "object") throw new RangeError(`There is no ${where}.`);
  const [position, target] = [vector(value, "position", where), vector(value, "target", where)];
  if (length(sub(position, target)) < 1e-4) throw new RangeError(`The camera of ${where} stands where it looks.`);
  return {
    at: number(value, "at", 0, 3600, where), position, target, roll: number(value, "roll", -180, 180, where),
    fov: number(value, "fov", ...FOV, where), time: number(value, "time", 0, 1, where), ease: choice(value, "ease", EASES, where),
  };
}

function number(value, name, low, high, where) {
  const given = value[name];
  if (typeof given !== "number" || !(given >= low && given <= high)) {
    throw new RangeError(`${name} of ${where} is not a number from ${low} to ${high}.`);
  }
  return given;
}

function vector(value, name, where) {
  const given = value[name];
  if (!Array.isArray(given) || given.length !== 3) throw new RangeError(`${name} of ${where} is not a list of three numbers.`);
  return given.map((one) => number({ [name]: one }, name, -FARTHEST, FARTHEST, where));
}

function choice(value, name, words, where) {
  if (typeof value[name] !== "string" || !Object.hasOwn(words, value[name])) {
    throw new RangeError(`${name} of ${where} is none of ${Object.keys(words).join(", ")}.`);
  }
  return value[name];
}
