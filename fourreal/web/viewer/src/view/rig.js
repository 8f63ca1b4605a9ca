/**
 * The camera: it goes around a target, and stays, softly, where the videos saw the scene from.
 *
 * A place is {target, azimuth, elevation, distance, roll, fov}: angles in radians about the scene's up, azimuth 0 at the
 * reference camera and right-handed; fov in degrees, from the upper to the lower edge of the reference picture. `goal`
 * is where the hands want it, `now` follows smoothly.
 */

import { add, clamp, column, cross, degrees, dot, length, mix, poseOf, sideways, sub, times, unit } from "./vector.js";

const FOLLOW = 14; // a second: how fast `now` closes in on `goal`
const STEEPEST = (89 * Math.PI) / 180; // straight from above, up is no longer up
const GIVE = { azimuth: 0.07, elevation: 0.02, distance: 0.1, pan: 0.08 }; // how far limits can be stretched
const ABOVE = (4 * Math.PI) / 180; // from above the ground is still ground; from below there is nothing
const SLOPE = 0.5; // how much steeper or flatter a camera may be seen from a radian farther around
const PAN = 0.15; // of the home distance: how far the target may be moved
const NUMBERS = ["azimuth", "elevation", "distance", "roll", "fov"];

export class Rig {
  constructor() {
    this.locked = true;
    this.instant = false; // no easing
    this.held = false; // while a hand holds it, limits give way
    this.driven = false; // a film says where it is, whatever the limits
    this.setScene(null);
    this.goal = this.home;
    this.now = this.home;
  }

  /** Take axes, home and limits from a scene's header.view. */
  setScene(view) {
    this.view = view;
    const pose = view?.reference.camera_to_world ?? poseOf([1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, -1]);
    const centre = view?.centre ?? [0, 0, 0];
    this.up = unit(view?.up ?? [0, -1, 0]);
    const position = column(pose, 3);
    const forward = column(pose, 2);
    const depth = dot(sub(centre, position), forward);
    const target = add(position, forward, depth > 1e-3 ? depth : 1);
    const arm = sub(position, target);
    const level = sub(arm, times(this.up, dot(arm, this.up)));
    this.ahead = length(level) > 1e-6 ? unit(level) : sideways(this.up);
    this.aside = cross(this.up, this.ahead);
    this.home = { ...this.placeOf(pose, length(arm)), fov: view ? fovOf(view.reference) : 45, azimuth: 0 };
    // The file's ranges are of positions about the centre, ours are about a target on the reference camera's axis.
    const away = sub(position, centre);
    const lift = this.home.elevation - Math.asin(clamp(dot(unit(away), this.up), -1, 1));
    const scale = this.home.distance / Math.max(length(away), 1e-6);
    const holding = (range, value) => [Math.min(range[0], value), Math.max(range[1], value)];
    const seen = view ? seenFrom(view, this.up) : null; // files written before 2026-11-30 have wider ranges than were seen
    const within = (range, low, high) => [Math.max(range[0], low), Math.min(range[1], high)];
    const elevation = seen ? within(view.elevation, seen.elevation[0], seen.elevation[1] + ABOVE) : [-STEEPEST, STEEPEST];
    const farthest = seen ? within(view.distance, 0, seen.distance) : [0.1, 10];
    this.cameras = view ? [this.home, ...view.freeze.map((pose) => this.around(target, column(pose, 3)))] : [];
    const around = view?.azimuth ?? [-Math.PI, Math.PI];
    this.limits = {
      azimuth: around[1] - around[0] > 2 * Math.PI - 0.01 ? [-Infinity, Infinity] : holding(around, 0),
      elevation: holding(elevation.map((e) => e + lift), this.home.elevation),
      distance: holding(farthest.map((d) => d * scale), this.home.distance),
    };
  }

  /**
   * From how low and how high the scene may be seen at an azimuth: as the cameras there saw it, or the reference camera,
   * whose height the fixed paths keep.
   */
  elevationsAt(azimuth) {
    const [low, high] = this.limits.elevation;
    const { elevation: home } = this.home;
    const off = (camera) => SLOPE * Math.abs(Math.asin(Math.sin((camera.azimuth - azimuth) / 2))) * 2;
    const lowest = Math.min(...this.cameras.map((camera) => camera.elevation + off(camera)));
    const highest = Math.max(...this.cameras.map((camera) => camera.elevation - off(camera))) + ABOVE;
    return this.cameras.length ? [Math.max(low, Math.min(home, lowest)), Math.min(high, Math.max(home, highest))] : [low, high];
  }

  /**
   * Another scene's axes, home and limits. keep: the camera stays where it is, and what it had still to go remains, as what
   * stretches a limit would be squeezed once more; else it goes home.
   */
  change(view, keep) {
    this.driven = false;
    const { goal, now } = this;
    const pose = this.poseOf();
    this.setScene(view);
    this.put(keep ? { ...this.placeOf(pose, now.distance), fov: now.fov } : this.home);
    if (!keep) return;
    const left = NUMBERS.map((name) => [name, this.now[name] + goal[name] - now[name]]);
    this.goal = { ...Object.fromEntries(left), target: add(this.now.target, sub(goal.target, now.target)) };
  }

  /** The place of a camera pose whose target lies `distance` ahead. */
  placeOf(pose, distance) {
    const forward = column(pose, 2);
    const target = add(column(pose, 3), forward, distance);
    const right = this.rightOf(forward);
    const down = cross(forward, right);
    const x = column(pose, 0);
    const roll = Math.atan2(dot(x, down), dot(x, right));
    return { ...this.around(target, column(pose, 3)), roll, fov: this.goal?.fov ?? 45 };
  }

  /** {target, azimuth, elevation, distance} of a position. */
  around(target, position) {
    const arm = sub(position, target);
    const distance = Math.max(length(arm), 1e-6);
    const azimuth = Math.atan2(dot(arm, this.aside), dot(arm, this.ahead));
    return { target, azimuth, elevation: Math.asin(clamp(dot(arm, this.up) / distance, -1, 1)), distance };
  }

  rightOf(forward) {
    const right = cross(forward, this.up);
    return length(right) > 1e-6 ? unit(right) : this.aside;
  }

  /** The pose, camera_to_world, of a place. */
  poseOf(place = this.now) {
    const { azimuth, elevation, distance, roll, target } = place;
    const level = add(times(this.ahead, Math.cos(azimuth)), this.aside, Math.sin(azimuth));
    const out = add(times(level, Math.cos(elevation)), this.up, Math.sin(elevation));
    const forward = times(out, -1);
    const right = this.rightOf(forward);
    const down = cross(forward, right);
    const [c, s] = [Math.cos(roll), Math.sin(roll)];
    const turned = [add(times(right, c), down, s), add(times(down, c), right, -s)];
    return poseOf(...turned, forward, add(target, out, distance));
  }

  /** Be at a place of a film, until something else moves the camera. */
  drive(place) {
    this.driven = true;
    this.put(place);
  }

  /** Jump to a place, or to some values of one. */
  put(values) {
    this.goal = { ...this.goal, ...values };
    this.now = this.goal;
  }

  /** Go to a place smoothly. */
  go(values) {
    this.driven = false;
    this.goal = { ...this.goal, ...values };
    if (this.instant) this.now = this.goal;
  }

  goHome() {
    const turns = Math.round(this.now.azimuth / (2 * Math.PI)) * 2 * Math.PI; // not once more around
    this.now = { ...this.now, azimuth: this.now.azimuth - turns };
    this.go(this.home);
  }

  /** Angles in radians. */
  orbit(azimuth, elevation) {
    this.go({ azimuth: this.goal.azimuth + azimuth, elevation: clamp(this.goal.elevation + elevation, -STEEPEST, STEEPEST) });
  }

  /** factor: of the distance. */
  zoom(factor) {
    this.go({ distance: clamp(this.goal.distance * factor, 0.02, 200) });
  }

  /** Move the target along the picture's axes, in units of the distance. */
  pan(right, down) {
    const pose = this.poseOf();
    const step = add(times(column(pose, 0), right), column(pose, 1), down);
    this.go({ target: add(this.goal.target, step, this.goal.distance) });
  }

  /** Let go: what was stretched springs back. */
  release() {
    this.held = false;
    if (this.locked && !this.driven) this.goal = this.limited(this.goal, { azimuth: 0, elevation: 0, distance: 0, pan: 0 });
  }

  /** A place with its excess over the limits squeezed into what they give. */
  limited(place, give) {
    const { azimuth, distance } = this.limits;
    const away = sub(place.target, this.home.target);
    const reach = length(away);
    const most = PAN * this.home.distance;
    const around = soften(place.azimuth, ...azimuth, give.azimuth);
    const eased = soften(reach, 0, most, give.pan * this.home.distance);
    return {
      ...place,
      azimuth: around,
      elevation: clamp(soften(place.elevation, ...this.elevationsAt(around), give.elevation), -STEEPEST, STEEPEST),
      distance: Math.exp(soften(Math.log(place.distance), Math.log(distance[0]), Math.log(distance[1]), give.distance)),
      target: reach > most ? add(this.home.target, away, eased / reach) : place.target,
    };
  }

  /** Be where it is going. */
  finish() {
    if (this.driven) return;
    this.now = this.locked ? this.limited(this.goal, GIVE) : this.goal;
  }

  /** Let `now` follow for `seconds`. Returns whether it moved. */
  tick(seconds) {
    if (this.driven) return false;
    const goal = this.locked ? this.limited(this.goal, GIVE) : this.goal;
    const apart = Math.max(
      ...NUMBERS.map((name) => Math.abs(goal[name] - this.now[name])),
      length(sub(goal.target, this.now.target)),
    );
    if (apart === 0) return false;
    const part = this.instant || apart < 1e-4 ? 1 : 1 - Math.exp(-FOLLOW * seconds);
    const next = { target: goal.target.map((value, k) => mix(this.now.target[k], value, part)) };
    for (const name of NUMBERS) next[name] = mix(this.now[name], goal[name], part);
    this.now = part === 1 ? { ...goal } : next;
    return true;
  }
}

/** A number as it is within [low, high]; beyond, it comes out at most `give` farther, ever harder to stretch. */
export function soften(value, low, high, give) {
  const over = value > high ? value - high : value < low ? value - low : 0;
  if (!over) return value;
  const edge = over > 0 ? high : low;
  return give > 0 ? edge + Math.sign(over) * give * (1 - Math.exp(-Math.abs(over) / give)) : edge;
}

export const fovOf = ({ intrinsics, size }) => degrees(2 * Math.atan(size[1] / 2 / intrinsics[1]));

/** From which elevations, and from how far at most, the cameras of a view saw its centre. */
function seenFrom(view, up) {
  const arms = [view.reference.camera_to_world, ...view.freeze].map((pose) => sub(column(pose, 3), view.centre));
  const elevations = arms.map((arm) => Math.asin(clamp(dot(unit(arm), up), -1, 1)));
  return { elevation: [Math.min(...elevations), Math.max(...elevations)], distance: Math.max(...arms.map(length)) };
}

/** Where a scene is first seen from. */
export function homePose(view) {
  const rig = new Rig();
  rig.setScene(view);
  return rig.poseOf(rig.home);
}
