/** The film that is being edited: its keys, where the playhead is, and whether it plays. Knows no buttons. */

import { APART, checked, FORMAT, FOV, lengthOf, LONGEST, MOST_KEYS, played, shot, VERSION } from "./keyframes.js";
import { clamp, column, degrees } from "./vector.js";

const STEP = 2; // seconds from the last key to a new one
const NEAR = 0.1; // seconds within which the playhead is at a key

export class Track {
  constructor(viewer) {
    this.viewer = viewer;
    this.keys = [];
    this.up = null; // of a path that was loaded; else the scene's
    this.clock = "keys";
    this.at = 0; // seconds on the track
    this.chosen = -1; // the key that buttons are about
    this.free = false; // the playhead was put where there is no key
    this.playing = false;
  }

  /** The path as its file holds it; one with fewer than two keys is none. */
  get path() {
    const { keys, clock } = this;
    return { format: FORMAT, version: VERSION, up: this.up ?? rounded(this.viewer.rig.up), clock, keys };
  }
  get whole() {
    return this.keys.length > 1;
  }
  get seconds() {
    return lengthOf(this.path);
  }

  /** The camera as it stands, as a key. */
  here(at, ease = "smooth") {
    const { rig } = this.viewer;
    rig.finish(); // a key is where the camera comes to rest
    const { target, roll, fov } = rig.now;
    return {
      at: round(at), position: rounded(column(rig.poseOf(), 3)), target: rounded(target), roll: round(degrees(roll)),
      fov: round(clamp(fov, ...FOV)), time: round(this.viewer.time), ease,
    };
  }

  /** A key where one stands: at the playhead if that was put between keys, else after the last. */
  add() {
    const { keys } = this;
    if (keys.length >= MOST_KEYS) return;
    const at = this.free ? this.at : keys.length ? keys.at(-1).at + STEP : 0;
    if (keys.length && Math.max(at, keys.at(-1).at) - Math.min(at, keys[0].at) > LONGEST) return;
    this.insert(this.here(at));
  }

  insert(key) {
    this.stop();
    this.keys = [...this.keys, key].sort((a, b) => a.at - b.at);
    this.settle(this.keys.indexOf(key));
  }

  /** The chosen key stands where the camera does now. */
  replace() {
    const key = this.keys[this.chosen];
    if (key) this.put(this.here(key.at, key.ease));
  }

  /** Some values of the chosen key. */
  change(values) {
    const key = this.keys[this.chosen];
    if (key) this.put({ ...key, ...values });
  }

  put(key) {
    this.keys = this.keys.map((old, k) => (k === this.chosen ? key : old));
    this.viewer.changed();
  }

  /** Move the chosen key in time, as far as its neighbours let it. */
  move(at) {
    const { keys, chosen } = this;
    if (!keys[chosen]) return;
    const low = chosen ? keys[chosen - 1].at + APART : Math.max(0, keys.at(-1).at - LONGEST);
    const high = chosen < keys.length - 1 ? keys[chosen + 1].at - APART : keys[0].at + LONGEST;
    this.at = round(clamp(at, low, keys.length > 1 || chosen ? high : LONGEST));
    this.change({ at: this.at });
  }

  remove() {
    if (!this.keys[this.chosen]) return;
    this.stop();
    this.keys = this.keys.filter((_, k) => k !== this.chosen);
    this.settle(Math.min(this.chosen, this.keys.length - 1));
  }

  /** Choose a key and stand where it does. */
  choose(number) {
    if (!this.keys[number]) return;
    this.stop();
    this.settle(number);
    this.show();
  }

  settle(number) {
    this.chosen = number;
    this.free = false;
    this.at = this.keys[number]?.at ?? 0;
    if (!this.keys.length) this.up = null;
    this.viewer.changed();
  }

  /** Put the playhead somewhere, and the camera with it. */
  seek(at) {
    this.stop();
    this.at = round(clamp(at, 0, (this.keys[0]?.at ?? 0) + LONGEST));
    this.chosen = this.keys.findIndex((key) => Math.abs(key.at - this.at) < NEAR);
    this.free = this.chosen < 0 && this.keys.length > 0;
    this.show();
  }

  play() {
    if (!this.whole) return;
    const [first, last] = [this.keys[0].at, this.keys.at(-1).at];
    if (this.at < first || this.at >= last - 0.01) this.at = first;
    this.viewer.state.path = null;
    this.viewer.clock.playing = false;
    this.playing = true;
    this.chosen = -1;
    this.show();
  }

  stop() {
    this.playing = false;
  }

  /** Let `seconds` pass. */
  advance(seconds) {
    this.at += seconds;
    const last = this.keys.at(-1).at;
    if (this.at >= last) {
      this.settle(this.keys.length - 1);
      this.at = last;
      this.stop();
    }
    this.place();
  }

  /** Look as the film does at the playhead. */
  show() {
    this.place();
    this.viewer.changed();
  }

  place() {
    const { keys, viewer } = this;
    if (!keys.length) return;
    viewer.drawing.intro = null;
    const { rig, clock } = viewer;
    const path = this.whole ? this.path : { ...this.path, keys: [keys[0], { ...keys[0], at: keys[0].at + 1 }] };
    const since = Math.max(0, Math.min(this.at - keys[0].at, lengthOf(path)));
    const { pose, distance, fov, time } = shot(path, since);
    viewer.state.path = null;
    rig.drive({ ...rig.placeOf(pose, distance), fov });
    clock.playing = false;
    clock.seek(this.clock === "plays" ? played(path, since, clock.seconds) : time);
  }

  /** Take over a path that was saved. Throws a RangeError where it is none. */
  load(value) {
    const { up, clock, keys } = checked(value);
    this.stop();
    Object.assign(this, { up, clock, keys });
    this.choose(0);
  }

  setClock(name) {
    this.clock = name;
    this.viewer.changed();
  }
}

const round = (value) => Math.round(value * 1e6) / 1e6;
const rounded = (values) => values.map(round);
