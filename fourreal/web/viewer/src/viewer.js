/**
 * `Viewer`: plays a 4D scene in an element of a page. See docs/viewer.md.
 *
 * Events: "load" {slot, splats, moving, frames, milliseconds}; "error" {slot, message}; "camera", with what `view`
 * returns, when camera and time come to rest; "frame" {time} with each frame drawn; "change" when a setting changes.
 */

import { Drawing } from "./drawing.js";
import { Painter } from "./gl/painter.js";
import { MODES } from "./gl/shaders.js";
import { Slots } from "./slots.js";
import { makeParts } from "./ui/parts.js";
import { RATES, SIZES } from "./ui/track.js";
import { LOOPS } from "./view/clock.js";
import { css, focalIn, places, rgb } from "./view/compose.js";
import { CLOCKS, EASES, LIMITS } from "./view/keyframes.js";
import { LAYOUTS, panes } from "./view/panes.js";
import { PATHS } from "./view/paths.js";
import { clamp, column, degrees, length, lookAt, sub, times } from "./view/vector.js";

const NO_WEBGL = "This browser cannot draw in 3D: WebGL2 is missing or switched off.";

/** Properties of a viewer that are set as they are, each with what checks its value. */
const SETTINGS = {
  /** "single", "side" or "wipe" (of two). */
  layout: (layout) => oneOf(LAYOUTS, layout),
  /** Where the wipe is: 0 left, 1 right. */
  divider: (share) => clamp(share, 0, 1),
  /** "splats", "points" or "depth". */
  display: (mode) => oneOf(MODES, mode),
  /** Whether the scene moves; false shows the canonical splats. */
  deformed: Boolean,
  background(color) {
    if (color !== null && !rgb(color)) throw new RangeError("A background is #rrggbb, [r, g, b] or null.");
    return color;
  },
};

export class Viewer extends EventTarget {
  /** What films may be: the names, limits and choices that the command line has, too. */
  static panes = panes;
  static FILM = { paths: titles(PATHS), eases: Object.keys(EASES), clocks: Object.keys(CLOCKS), limits: LIMITS, sizes: SIZES, rates: RATES };

  /** Whether this browser can draw scenes by itself. */
  static supported() {
    const context = document.createElement("canvas").getContext("webgl2");
    context?.getExtension("WEBGL_lose_context")?.loseContext();
    return Boolean(context);
  }

  /**
   * element: what to fill; it should have a height.
   * options:
   *   background: "#rrggbb" or [r, g, b] behind the splats; null for each scene's own.
   *   autoplay: whether the first scene plays at once (never where a person prefers less motion). Default true.
   *   pixelRatio: canvas pixels a CSS pixel; default the screen's, at most 2.
   *   adaptive: whether fewer pixels are drawn while things move on a slow machine. Default true.
   *   makeFilm({path, size, fps}) -> Promise: makes a video file of a path of keyframes; without it paths can only be saved.
   *   render(camera) -> Promise<url>: pictures drawn by a server for browsers without WebGL2; camera as in `view`.
   */
  constructor(element, options = {}) {
    super();
    this.options = { autoplay: true, adaptive: true, ...options };
    const background = rgb(this.options.background) ? this.options.background : null;
    this.state = { layout: "single", display: "splats", deformed: true, background, path: null, divider: 0.5 };
    /** Whether to play with a fifth of what the machine can do, because it has other work. */
    this.gentle = false;
    this.slots = new Slots(this);
    this.drawing = new Drawing(this);
    Object.assign(this, makeParts(this, element));
    this.startPainter();
    this.ui.refresh();
    this.redraw();
  }

  startPainter() {
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault(); // or it would never come back
      if (!this.disposed) this.overlay.status("The graphics were interrupted …");
    });
    this.canvas.addEventListener("webglcontextrestored", () => this.restore());
    try {
      this.painter = new Painter(this.canvas);
    } catch (error) {
      if (error.message !== "no WebGL2") console.error(error);
      this.painter = null;
      const { render } = this.options;
      this.overlay.showMessage(`${NO_WEBGL} ${render ? "The server draws instead." : "Try another browser."}`, Boolean(render));
      this.ui.disableDrawing();
    }
  }

  /** After the browser gave the graphics back: everything on the GPU is gone. */
  restore() {
    this.drawing.fence = null;
    this.painter.prepare();
    for (const scene of this.slots.scenes) scene?.upload(this.painter);
    this.overlay.status("");
    this.redraw();
  }

  // ---- What is shown

  /**
   * Load a scene; the one before stays until the new one is ready. keep: leave camera, time and play state as they are
   * (a newer checkpoint of the same scene). Rejects with an AbortError where a newer load of the slot came first.
   */
  load(url, { slot = 0, keep = true, name = null } = {}) {
    return this.slots.load(url, { slot, keep, name });
  }

  /** A video of another method in place of a scene, its picture as large as the reference camera's beside it. */
  loadVideo(url, { slot = 1, name = "" } = {}) {
    return this.slots.loadVideo(url, { slot, name });
  }

  /** Take a scene or a video away. */
  clear(slot) {
    this.slots.clear(slot);
  }

  /** Give what is in a slot another name. */
  rename(slot, name) {
    this.slots.rename(slot, name);
  }

  /** What is shown where, in CSS pixels of the stage: {slot, rect: [x, y, width, height], frame}. */
  places() {
    return places(this);
  }

  followFilms() {
    this.films.forEach((film, slot) => this.slots.videos[slot] && film.follow(this.clock, this.path !== "study"));
  }

  /** A still over the canvas until a scene arrives in slot 0. */
  showImage(url, caption = "") {
    this.overlay.showImage(url, caption);
    this.frames.wake();
  }

  /** A few words in the corner; "" for none. */
  status(text) {
    this.overlay.status(text);
  }

  // ---- Time

  /** 0 at the first frame, 1 at the last. */
  get time() {
    return this.clock.time;
  }
  set time(time) {
    this.clock.seek(time);
    this.redraw();
  }
  get playing() {
    return this.clock.playing;
  }
  set playing(on) {
    this.track.stop();
    if (on) this.clock.play();
    else this.clock.playing = false;
    this.changed();
  }
  get speed() {
    return this.clock.speed;
  }
  set speed(speed) {
    if (!(speed > 0)) throw new RangeError("The speed is above 0.");
    this.clock.speed = speed;
    this.changed();
  }
  /** "bounce", "loop" or "once". */
  get loop() {
    return this.clock.loop;
  }
  set loop(loop) {
    this.clock.loop = oneOf(LOOPS, loop);
    this.changed();
  }

  /** Go to a time by hand: halts. */
  scrub(time) {
    this.drawing.intro = null;
    if (this.path === "study") this.state.path = null;
    this.track.stop();
    this.clock.playing = false;
    this.clock.seek(time);
    this.changed();
  }

  /** So many frames on. */
  step(frames) {
    const last = Math.max(1, (this.slots.leader?.header.frames ?? 25) - 1);
    this.scrub((Math.round(this.time * last) + frames) / last);
  }

  // ---- Camera

  /** {position, target, up, fov}; some may be set alone. fov: degrees from top to bottom of the reference picture. */
  get camera() {
    const pose = this.rig.poseOf();
    const { target, fov } = this.rig.now;
    return { position: column(pose, 3), target: [...target], up: times(column(pose, 1), -1), fov };
  }
  set camera(values) {
    const { position, target, up, fov } = { ...this.camera, ...values };
    this.leaveFilm();
    this.state.path = null;
    this.rig.put({ ...this.rig.placeOf(lookAt(position, target, up), length(sub(target, position))), fov });
    this.changed();
  }

  /** What a server needs to draw the same: {camera_to_world, fov_y in degrees, time, size in CSS pixels}. */
  view() {
    const { frame } = places(this)[0];
    const fov = degrees(2 * Math.atan(frame[3] / 2 / focalIn(this.rig, frame)));
    return { camera_to_world: this.rig.poseOf(), fov_y: fov, time: this.time, size: [frame[2], frame[3]] };
  }

  /** Back to the reference camera. */
  goHome() {
    this.leaveFilm();
    this.state.path = null;
    this.rig.goHome();
    this.changed();
  }

  /** The camera was moved by hand, in one step. */
  nudged() {
    this.gestures.later();
    this.steered();
  }

  /** The camera was moved by hand. */
  steered() {
    this.leaveFilm();
    if (this.path) this.path = null;
    else this.redraw();
  }

  /** The camera is no longer where the film has it. */
  leaveFilm() {
    this.drawing.intro = null;
    this.track.stop();
    this.rig.driven = false;
  }

  /** Whether the film editor is open; `track` is what it edits. */
  get editing() {
    return !this.panel.panel.hidden;
  }
  set editing(on) {
    this.leaveFilm();
    this.panel.show(Boolean(on));
    this.changed();
  }

  /** null, or a camera path that plays: a name of `PATHS`, the names that films have, too. */
  get path() {
    return this.state.path;
  }
  set path(name) {
    if (name !== null) oneOf(Object.keys(PATHS), name);
    this.leaveFilm();
    this.drawing.phase = 0;
    this.set("path", name);
  }
  /** Whether the camera stays where the videos saw the scene from. */
  get locked() {
    return this.rig.locked;
  }
  set locked(on) {
    this.rig.locked = Boolean(on);
    this.rig.release();
    this.changed();
  }

  // ---- Settings, see `SETTINGS`

  set(name, value) {
    if (name === "layout" && value !== "single") this.drawing.intro = null;
    this.state[name] = value;
    this.changed();
  }

  sceneBackground() {
    return css(this.slots.leader?.header.background ?? [0.05, 0.06, 0.08]);
  }

  /** A name for files. */
  title() {
    return (this.slots.nameOf(this.slots.taken[0]) || "scene").replace(/[^\p{L}\p{N}_-]+/gu, "_");
  }

  // ---- Drawing

  /** Frames a second, over the last second of motion. */
  get fps() {
    return this.drawing.fps;
  }

  /** Resolves once what is to be seen now is sorted and drawn at its best. */
  settle() {
    return this.drawing.settle();
  }

  /** A PNG of what is shown, as a Blob. */
  screenshot() {
    return this.drawing.screenshot();
  }

  changed() {
    this.drawing.restUntil = -Infinity; // what somebody did, and what has just been loaded, is seen at once
    this.ui.refresh();
    this.drawing.arrange();
    this.redraw();
    this.emit("change");
  }

  redraw() {
    this.drawing.changed();
    this.frames.wake();
  }

  emit(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** End everything and leave the element empty. */
  dispose() {
    this.disposed = true;
    this.frames.end();
    this.slots.dispose();
    this.remote?.stop();
    this.endParts();
    this.painter?.dispose();
  }
}

for (const [name, checked] of Object.entries(SETTINGS)) {
  Object.defineProperty(Viewer.prototype, name, {
    get() { return this.state[name]; },
    set(value) { this.set(name, checked(value)); },
  });
}

function titles(paths) {
  return Object.fromEntries(Object.entries(paths).map(([name, { title }]) => [name, title]));
}

function oneOf(names, name) {
  if (!names.includes(name)) throw new RangeError(`Choose one of ${names.join(", ")}.`);
  return name;
}
