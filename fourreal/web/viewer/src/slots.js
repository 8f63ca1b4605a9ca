/** The two places for scenes: loading into them, swapping without a flicker, and taking away. */

import { SceneError } from "./errors.js";
import { Scene } from "./scene.js";
import { relation } from "./view/panes.js";
import { homePose } from "./view/rig.js";
import { viewMatrix } from "./view/vector.js";

export class Slots {
  constructor(viewer) {
    this.viewer = viewer;
    this.scenes = [null, null];
    this.loads = [null, null]; // AbortControllers
    this.coming = 0; // how many scenes are being loaded
    this.film = null; // {name} while a video is in slot 1
    this.toSecond = null; // poses of the first scene's frame, in the second's
  }

  /** What is in a slot: a scene, a video's {name}, or null. */
  get 0() {
    return this.scenes[0];
  }
  get 1() {
    return this.film ?? this.scenes[1];
  }

  async load(url, { slot = 0, keep = true, name = null }) {
    const { viewer } = this;
    const began = performance.now();
    const signal = this.begin(slot);
    const { overlay } = viewer;
    let scene = null;
    this.coming++;
    try {
      scene = await Scene.load(url, { signal, onProgress: (got, all) => overlay.showProgress(all ? got / all : 0.3) });
      if (name) scene.header.name = name;
      if (viewer.painter) {
        scene.upload(viewer.painter);
        await scene.gpu.arrived();
        signal.throwIfAborted();
        const pose = this.firstPose(scene, slot, keep);
        const time = this.begins(slot, keep) ? scene.frozen : viewer.time;
        await scene.sortNow(viewMatrix(pose), time, viewer.deformed ? 1 : 0);
      }
      signal.throwIfAborted();
    } catch (error) {
      scene?.dispose();
      if (!signal.aborted) this.fail(slot, error);
      throw signal.aborted ? signal.reason : error;
    } finally {
      this.coming--;
      if (!signal.aborted) overlay.showProgress(null);
    }
    this.put(scene, slot, keep);
    const { splats, moving, frames } = scene.header;
    const detail = { slot, splats, moving, frames, milliseconds: performance.now() - began };
    viewer.emit("load", detail);
    return detail;
  }

  /** The pose, in its own frame, that a scene will first be seen from. */
  firstPose(scene, slot, keep) {
    const [first] = this.scenes;
    const pose = this.viewer.rig.poseOf();
    if (slot === 1) return first ? relation(first.header.view, scene.header.view)(pose) : homePose(scene.header.view);
    return keep && first ? pose : homePose(scene.header.view);
  }

  /** Whether camera and clock are a slot's to say. */
  leads(slot) {
    return slot === 0 || !this.scenes[0];
  }

  /** Whether what is loaded there now is seen from its own start: the reference camera, the frozen moment. */
  begins(slot, keep) {
    return this.leads(slot) && !(keep && this.scenes[slot]);
  }

  /** A loaded scene in place of the one before. */
  put(scene, slot, keep) {
    const { viewer } = this;
    const old = this.scenes[slot];
    const first = !this.scenes.some(Boolean);
    const [leads, begins] = [this.leads(slot), this.begins(slot, keep)];
    this.scenes[slot] = scene;
    if (slot === 1) this.dropFilm();
    if (leads) {
      viewer.rig.change(scene.header.view, !begins);
      viewer.clock.seconds = scene.seconds;
      if (begins) viewer.clock.begin(scene.frozen);
      viewer.overlay.showImage(null);
    }
    this.relate();
    old?.dispose();
    if (first && viewer.options.autoplay && !viewer.calm.matches) viewer.clock.play();
    viewer.changed();
  }

  async loadVideo(url, { slot = 1, name = "" }) {
    if (slot !== 1) throw new RangeError("A video can only take slot 1.");
    const { viewer } = this;
    const signal = this.begin(1);
    try {
      const size = await viewer.film.load(url, signal);
      this.scenes[1]?.dispose();
      this.scenes[1] = null;
      this.film = { name };
      this.relate();
      viewer.changed();
      return size;
    } catch (error) {
      if (!signal.aborted) {
        this.dropFilm();
        viewer.changed();
        this.fail(1, error);
      }
      throw error;
    }
  }

  clear(slot) {
    this.begin(slot);
    this.viewer.overlay.showProgress(null);
    this.scenes[slot]?.dispose();
    this.scenes[slot] = null;
    if (slot === 1) this.dropFilm();
    this.relate();
    this.viewer.changed();
  }

  relate() {
    const [first, second] = this.scenes;
    this.toSecond = first && second ? relation(first.header.view, second.header.view) : null;
  }

  dropFilm() {
    this.viewer.film.clear();
    this.film = null;
  }

  /** A new load of a slot ends the one before. */
  begin(slot) {
    if (slot !== 0 && slot !== 1) throw new RangeError("There are slots 0 and 1.");
    this.loads[slot]?.abort();
    this.loads[slot] = new AbortController();
    return this.loads[slot].signal;
  }

  fail(slot, error) {
    if (!(error instanceof SceneError)) console.warn(error);
    this.viewer.overlay.status(error.message, true);
    this.viewer.emit("error", { slot, message: error.message });
  }

  /** The name of what is in a slot. */
  nameOf(slot) {
    return slot === 1 && this.film ? this.film.name : (this.scenes[slot]?.header.name ?? "");
  }

  dispose() {
    this.loads.forEach((load) => load?.abort());
    this.scenes.forEach((scene) => scene?.dispose());
    this.scenes = [null, null];
    this.dropFilm();
  }
}
