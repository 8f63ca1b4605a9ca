/**
 * `Viewer`: plays a 4D scene in an element of a page. See docs/viewer.md.
 *
 * Events: "load" {slot, splats, moving, frames, milliseconds}, "error" {slot, message}, "camera" (see `view`) when the
 * camera comes to rest, "frame" {time} after each frame drawn, "change" when a setting changes.
 */

import { SceneError } from "./errors.js";
import { Painter } from "./gl/painter.js";
import { MODES } from "./gl/shaders.js";
import { Scene } from "./scene.js";
import { makeParts } from "./ui/parts.js";
import { LOOPS } from "./view/clock.js";
import { aspectOf, compose, css, focalIn, places, rgb, viewOf } from "./view/compose.js";
import { LAYOUTS, relation } from "./view/panes.js";
import { PATHS } from "./view/paths.js";
import { fovOf, homePose } from "./view/rig.js";
import { clamp, column, cross, degrees, length, poseOf, sub, times, unit, viewMatrix } from "./view/vector.js";

const REST = 150; // milliseconds without motion after which a frame is drawn at its best
const NO_WEBGL = "This browser cannot draw in 3D: WebGL2 is missing or switched off.";

export class Viewer extends EventTarget {
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
   *   render(camera) -> Promise<url>: pictures drawn by a server for browsers without WebGL2; camera as in `view`.
   */
  constructor(element, options = {}) {
    super();
    this.options = { autoplay: true, adaptive: true, ...options };
    this.slots = [null, null];
    this.aborts = [null, null];
    this.state = { layout: "single", display: "splats", deformed: true, background: null, path: null, divider: 0.5 };
    this.state.background = rgb(this.options.background) ? this.options.background : null;
    this.filmName = "";
    this.phase = 0; // of the path
    this.lastMotion = -Infinity;
    this.polished = true; // whether what rests is drawn at its best
    this.stamps = []; // when frames were drawn
    Object.assign(this, makeParts(this, element));
    this.startPainter();
    this.ui.refresh();
    this.redraw();
  }

  startPainter() {
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      if (!this.disposed) this.overlay.status("The graphics were interrupted …");
    });
    this.canvas.addEventListener("webglcontextrestored", () => this.restore());
    try {
      this.painter = new Painter(this.canvas);
    } catch (error) {
      if (error.message !== "no WebGL2") console.error(error);
      this.painter = null;
      const { render } = this.options;
      this.overlay.showMessage(render ? `${NO_WEBGL} The server draws instead.` : `${NO_WEBGL} Try another browser.`, Boolean(render));
      this.ui.disableDrawing();
    }
  }

  /** After the browser gave the graphics back: everything on the GPU is gone. */
  restore() {
    this.painter.prepare();
    this.fence = null;
    for (const scene of this.slots) scene?.upload(this.painter);
    this.overlay.status("");
    this.redraw();
  }

  // ---- What is shown

  /**
   * Load a scene; the one before stays until the new one is ready. keep: leave camera, time and play state as they are
   * (a newer checkpoint of the same scene). Rejects with an AbortError where a newer load of the slot came first.
   */
  async load(url, { slot = 0, keep = true, name = null } = {}) {
    const began = performance.now();
    const signal = this.takeOver(slot);
    let scene = null;
    try {
      scene = await Scene.load(url, { signal, onProgress: (got, all) => this.overlay.showProgress(all ? got / all : 0.3) });
      if (name) scene.header.name = name;
      if (this.painter) scene.upload(this.painter);
      await this.presort(scene, slot, keep);
      signal.throwIfAborted();
    } catch (error) {
      scene?.dispose();
      if (!signal.aborted) this.fail(slot, error);
      throw signal.aborted ? signal.reason : error;
    } finally {
      if (!signal.aborted) this.overlay.showProgress(null);
    }
    this.show(scene, slot, keep);
    const { splats, moving, frames } = scene.header;
    const detail = { slot, splats, moving, frames, milliseconds: performance.now() - began };
    this.emit("load", detail);
    return detail;
  }

  /** Sort a scene for the camera that it will first be seen from. */
  async presort(scene, slot, keep) {
    if (!this.painter) return;
    let pose = this.rig.poseOf();
    if (slot === 0 && !(keep && this.slots[0])) pose = homePose(scene.header.view);
    if (slot === 1 && this.slots[0]) pose = relation(this.slots[0].header.view, scene.header.view)(pose);
    await scene.sortNow(viewMatrix(pose), this.time, this.deformed ? 1 : 0);
  }

  /** Put a loaded scene in the place of the one before. */
  show(scene, slot, keep) {
    const old = this.slots[slot];
    const first = !this.slots.some(Boolean);
    this.slots[slot] = scene;
    if (slot === 1) this.dropFilm();
    if (slot === 0 || !this.slots[0]) {
      if (keep && old) this.keepPose(scene.header.view, this.rig.poseOf());
      else {
        this.rig.setScene(scene.header.view);
        this.rig.put(this.rig.home);
      }
      this.clock.seconds = scene.seconds;
      this.overlay.showImage(null);
    }
    const [a, b] = this.slots;
    this.relate = a && b ? relation(a.header.view, b.header.view) : null;
    old?.dispose();
    if (first && this.options.autoplay && !this.calm.matches) this.clock.play();
    this.changed();
  }

  /** Another scene's axes and limits, and the camera where it is. */
  keepPose(view, pose) {
    const { distance, fov } = this.rig.now;
    this.rig.setScene(view);
    this.rig.put({ ...this.rig.placeOf(pose, distance), fov });
  }

  /** A video of another method in place of a scene, its picture over the reference camera's. */
  async loadVideo(url, { slot = 1, name = "" } = {}) {
    if (slot !== 1) throw new RangeError("A video can only take slot 1.");
    const signal = this.takeOver(1);
    try {
      const size = await this.film.load(url, signal);
      this.slots[1]?.dispose();
      this.slots[1] = null;
      this.relate = null;
      this.filmOn = true;
      this.filmName = name;
      this.changed();
      return size;
    } catch (error) {
      if (!signal.aborted) this.fail(1, error);
      throw error;
    }
  }

  /** Take a scene or a video away. */
  clear(slot) {
    this.takeOver(slot).throwIfAborted();
    this.overlay.showProgress(null);
    this.slots[slot]?.dispose();
    this.slots[slot] = null;
    this.relate = null;
    if (slot === 1) this.dropFilm();
    this.changed();
  }

  dropFilm() {
    if (this.filmOn) this.film.clear();
    this.filmOn = false;
  }

  /** A new load of a slot ends the one before. */
  takeOver(slot) {
    if (slot !== 0 && slot !== 1) throw new RangeError("There are slots 0 and 1.");
    this.aborts[slot]?.abort();
    this.aborts[slot] = new AbortController();
    return this.aborts[slot].signal;
  }

  fail(slot, error) {
    if (!(error instanceof SceneError)) console.warn(error);
    this.overlay.status(error.message, true);
    this.emit("error", { slot, message: error.message });
  }

  /** A still over the canvas until a scene arrives in slot 0. */
  showImage(url, caption = "") {
    this.overlay.showImage(url, caption);
  }

  /** A few words in the corner; "" for none. */
  status(text) {
    this.overlay.status(text);
  }

  // ---- Time and camera

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

  scrub(time) {
    if (this.path === "study") this.path = null;
    this.clock.playing = false;
    this.time = time;
    this.changed();
  }

  /** So many frames on. */
  step(frames) {
    const last = Math.max(1, (this.slots[0]?.header.frames ?? 2) - 1);
    this.scrub((Math.round(this.time * last) + frames) / last);
  }

  /** {position, target, up, fov}; each may be set alone. fov: degrees from top to bottom of the reference picture. */
  get camera() {
    const pose = this.rig.poseOf();
    const { target, fov } = this.rig.now;
    return { position: column(pose, 3), target: [...target], up: times(column(pose, 1), -1), fov };
  }
  set camera(values) {
    const { position, target, up, fov } = { ...this.camera, ...values };
    const forward = unit(sub(target, position));
    const right = unit(cross(forward, up));
    const pose = poseOf(right, cross(forward, right), forward, position);
    this.state.path = null;
    this.rig.put({ ...this.rig.placeOf(pose, length(sub(target, position))), fov });
    this.changed();
  }

  /** What a server needs to draw the same: {camera_to_world, fov_y in degrees, time, size in CSS pixels}. */
  view() {
    const { frame } = places(this)[0];
    const fov = degrees(2 * Math.atan(frame[3] / 2 / focalIn(this.rig, frame)));
    return { camera_to_world: this.rig.poseOf(), fov_y: fov, time: this.time, size: [frame[2], frame[3]] };
  }

  goHome() {
    this.state.path = null;
    this.rig.goHome();
    this.changed();
  }

  /** The camera was moved by hand in one step. */
  nudged() {
    this.state.path = null;
    this.gestures.later();
    this.changed();
  }

  moved(how) {
    if (this.path) this.path = null;
    this.redraw(how === "drop");
  }

  // ---- Settings

  get layout() {
    return this.state.layout;
  }
  set layout(layout) {
    this.set("layout", oneOf(LAYOUTS, layout));
  }
  /** Where the wipe is: 0 left, 1 right. */
  get divider() {
    return this.state.divider;
  }
  set divider(share) {
    this.set("divider", clamp(share, 0, 1));
  }
  /** "splats", "points" or "depth". */
  get display() {
    return this.state.display;
  }
  set display(mode) {
    this.set("display", oneOf(MODES, mode));
  }
  /** Whether the scene moves; false shows the canonical splats. */
  get deformed() {
    return this.state.deformed;
  }
  set deformed(on) {
    this.set("deformed", Boolean(on));
  }
  get background() {
    return this.state.background;
  }
  set background(color) {
    if (color !== null && !rgb(color)) throw new RangeError("A background is #rrggbb, [r, g, b] or null.");
    this.set("background", color);
  }
  /** null, or a camera path that plays: "circle", "spiral", "study". */
  get path() {
    return this.state.path;
  }
  set path(name) {
    if (name !== null) oneOf(Object.keys(PATHS), name);
    this.phase = 0;
    this.set("path", name);
  }
  /** Whether the camera stays where the videos saw the scene from. */
  get locked() {
    return this.rig.locked;
  }
  set locked(on) {
    this.rig.locked = Boolean(on);
    if (on) this.rig.release();
    this.changed();
  }

  set(name, value) {
    this.state[name] = value;
    this.changed();
  }

  sceneBackground() {
    return css(this.slots[0]?.header.background ?? [0.05, 0.06, 0.08]);
  }

  /** A name for files. */
  title() {
    return (this.slots[0]?.header.name || "scene").replace(/[^\p{L}\p{N}_-]+/gu, "_");
  }

  // ---- Drawing

  changed() {
    this.ui.refresh();
    this.arrange();
    this.redraw();
    this.emit("change");
  }

  redraw(told = true) {
    this.dirty = true;
    this.polished = false;
    if (told) this.announce = true;
    this.frames.wake();
  }

  /** Lay out what is not on the canvas. */
  arrange() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    const all = places(this);
    const two = all.length > 1;
    const left = two ? all[0].rect[2] : width;
    this.overlay.showDivider(two ? left : null, width, this.layout === "wipe");
    const names = [this.slots[0]?.header.name, this.filmOn ? this.filmName : this.slots[1]?.header.name];
    this.overlay.showNames(two ? names : [], left, width);
    if (this.filmOn && two) {
      const fov = this.rig.view ? fovOf(this.rig.view.reference) : this.rig.home.fov;
      const tall = 2 * focalIn(this.rig, all[1].frame, fov) * Math.tan((fov * Math.PI) / 360);
      const contained = this.slots[0] ? tall : Math.min(height, all[1].frame[2] / aspectOf(this.rig));
      this.film.place(all[1].rect, all[1].frame, contained);
    } else this.film.pane.hidden = true;
  }

  /** Let time pass; returns whether anything moved. */
  advance(seconds) {
    let moved = false;
    if (this.path) {
      const path = PATHS[this.path];
      this.phase = (this.phase + seconds / path.seconds(this.clock)) % 1;
      const { time, ...place } = path.place(this.rig, this.phase);
      this.rig.go(place);
      if (time !== undefined) this.clock.seek(time);
      moved = true;
    }
    if (this.path !== "study") {
      const playing = this.playing;
      moved = this.clock.tick(seconds) || moved;
      if (playing && !this.playing) this.ui.refresh();
    }
    return this.rig.tick(seconds) || moved;
  }

  /** One turn of the loop. Returns whether to go on. */
  turn(now, seconds) {
    if (this.advance(seconds)) {
      this.dirty = true;
      this.polished = false;
      this.announce = true;
      this.lastMotion = now;
    }
    const moving = now - this.lastMotion < REST || this.rig.held;
    if (!this.painter || !this.painter.gl.isContextLost()) {
      if (this.dirty) this.sort();
      if (this.readyToDraw(now) && (this.dirty || (!moving && !this.polished))) this.drawFrame(now, moving);
    }
    if (!moving && !this.dirty && this.announce) {
      this.announce = false;
      this.emit("camera", this.view());
    }
    this.showStats(now, moving);
    return this.playing || Boolean(this.path) || moving || this.dirty || !this.polished || Boolean(this.fence);
  }

  drawFrame(now, moving) {
    this.dirty = false;
    this.polished = !moving;
    this.ui.showTime();
    if (this.filmOn) this.film.follow(this.clock, true);
    if (this.painter) {
      const { share, fine } = this.pacer.quality(moving);
      this.paint(share, fine);
      const { gl } = this.painter;
      this.fence = { sync: gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0), began: now, share, moving };
      gl.flush();
    } else this.remote?.ask(this.view());
    this.stamps.push(now);
    this.emit("frame", { time: this.time });
  }

  /** Whether the GPU has done the last frame: none is begun before, so that the hand is never frames ahead. */
  readyToDraw(now) {
    if (!this.fence) return true;
    const { gl } = this.painter;
    if (gl.getSyncParameter(this.fence.sync, gl.SYNC_STATUS) !== gl.SIGNALED) return false;
    gl.deleteSync(this.fence.sync);
    if (this.fence.moving) this.pacer.note(now - this.fence.began, this.fence.share);
    this.fence = null;
    return true;
  }

  sort() {
    this.slots.forEach((scene, slot) => {
      if (!scene?.gpu || (slot && this.layout === "single")) return;
      const done = scene.sort(viewOf(this, slot), this.time, this.deformed ? 1 : 0);
      if (done && !scene.told) {
        scene.told = true;
        done.then(() => {
          scene.told = false;
          this.dirty = true;
          this.frames.wake();
        });
      }
    });
  }

  paint(share, fine) {
    const { canvas, stage } = this;
    const ratio = share * (this.options.pixelRatio ?? Math.min(2, devicePixelRatio));
    const [width, height] = [stage.clientWidth, stage.clientHeight].map((side) => Math.max(1, Math.round(side * ratio)));
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const pixels = [width / Math.max(1, stage.clientWidth), height / Math.max(1, stage.clientHeight)];
    this.painter.draw(compose(this, pixels), fine);
  }

  showStats(now, moving) {
    while (this.stamps.length && now - this.stamps[0] > 1000) this.stamps.shift();
    if (now - (this.statsShown ?? -1000) < 400 && moving) return;
    this.statsShown = now;
    const splats = this.slots.reduce((sum, scene) => sum + (scene?.header.splats ?? 0), 0);
    const rate = moving && this.stamps.length > 1 ? ` · ${this.fps.toFixed(0)} fps` : "";
    this.overlay.showStats(splats ? `${splats.toLocaleString("en")} splats${rate}` : "");
  }

  /** Frames drawn in the last second of motion, a second. */
  get fps() {
    const span = this.stamps.at(-1) - this.stamps[0];
    return span > 0 ? ((this.stamps.length - 1) * 1000) / span : 0;
  }

  /** Resolves once what is to be seen now is sorted and drawn at its best. */
  async settle() {
    this.rig.finish();
    this.arrange();
    if (!this.painter) {
      this.remote?.ask(this.view());
      await this.remote?.running;
      return;
    }
    const amount = this.deformed ? 1 : 0;
    let state = "";
    // What plays on meanwhile is sorted again, a few times at most: orders of neighbouring times hardly differ.
    for (let round = 0; round < 3 && state !== JSON.stringify(this.view()); round++) {
      state = JSON.stringify(this.view());
      await Promise.all(this.slots.map((scene, slot) => scene?.sortNow(viewOf(this, slot), this.time, amount)));
    }
    this.paint(1, true);
  }

  /** A PNG of what is shown. */
  async screenshot() {
    await this.settle();
    const source = this.painter ? this.canvas : this.overlay.preview;
    const [width, height] = this.painter ? [source.width, source.height] : [source.naturalWidth, source.naturalHeight];
    const sheet = new OffscreenCanvas(Math.max(1, width), Math.max(1, height));
    const context = sheet.getContext("2d");
    context.drawImage(source, 0, 0);
    if (this.filmOn && !this.film.pane.hidden) this.film.drawOn(context, width / this.stage.clientWidth);
    return sheet.convertToBlob({ type: "image/png" });
  }

  emit(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** End everything and leave the element empty. */
  dispose() {
    this.disposed = true;
    this.aborts.forEach((abort) => abort?.abort());
    this.frames.end();
    this.slots.forEach((scene) => scene?.dispose());
    this.slots = [null, null];
    this.remote?.stop();
    this.dropFilm();
    this.endParts();
    this.painter?.dispose();
  }
}

function oneOf(names, name) {
  if (!names.includes(name)) throw new RangeError(`Choose one of ${names.join(", ")}.`);
  return name;
}

