/** The four places for scenes and videos: loading into them, swapping without a flicker, and taking away. */

import { SceneError } from "./errors.js";
import { Scene } from "./scene.js";
import { relation } from "./view/panes.js";
import { homePose } from "./view/rig.js";
import { viewMatrix } from "./view/vector.js";

export const SLOTS = 4;

export class Slots {
  constructor(viewer) {
    this.viewer = viewer;
    this.scenes = Array(SLOTS).fill(null);
    this.videos = Array(SLOTS).fill(null); // {name} where there is a video
    this.loads = Array(SLOTS).fill(null); // AbortControllers
    this.coming = 0; // how many scenes are being loaded
    this.relations = Array(SLOTS).fill(null); // from poses of the leading scene's frame to a slot's
  }

  /** What is in a slot: a scene, a video's {name}, or null. */
  get 0() {
    return this.at(0);
  }
  get 1() {
    return this.at(1);
  }
  get 2() {
    return this.at(2);
  }
  get 3() {
    return this.at(3);
  }
  at(slot) {
    return this.videos[slot] ?? this.scenes[slot];
  }

  /** The slots that are taken, in order; the first if none is. */
  get taken() {
    const taken = [...Array(SLOTS).keys()].filter((slot) => this.at(slot));
    return taken.length ? taken : [0];
  }

  /** The first scene, whose camera and clock are everybody's; null where there are but videos. */
  get leader() {
    return this.scenes.find(Boolean) ?? null;
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
    const { leader, viewer } = this;
    const pose = viewer.rig.poseOf();
    if (!this.leads(slot)) return relation(leader.header.view, scene.header.view)(pose);
    return keep && this.scenes[slot] ? pose : homePose(scene.header.view);
  }

  /** Whether camera and clock are a slot's to say. */
  leads(slot) {
    return !this.scenes.slice(0, slot).some(Boolean);
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
    this.dropVideo(slot);
    if (leads) {
      viewer.rig.change(scene.header.view, !begins);
      viewer.clock.seconds = scene.seconds;
      if (begins) viewer.clock.begin(scene.frozen);
      viewer.overlay.showImage(null);
    }
    this.relate();
    old?.dispose();
    if (first && viewer.options.autoplay && !viewer.calm.matches) {
      viewer.clock.play();
      if (slot === 0 && !viewer.gentle) viewer.drawing.intro = 0;
    }
    viewer.changed();
  }

  async loadVideo(url, { slot = 1, name = "" }) {
    const { viewer } = this;
    const signal = this.begin(slot);
    try {
      const size = await viewer.films[slot].load(url, signal);
      this.videos[slot] = { name };
      this.remove(slot);
      if (!this.leader) {
        viewer.clock.seconds = this.lengths()[0];
        viewer.overlay.showImage(null);
        if (viewer.options.autoplay && !viewer.calm.matches) viewer.clock.play();
      }
      viewer.changed();
      return size;
    } catch (error) {
      if (!signal.aborted) {
        this.dropVideo(slot);
        viewer.changed();
        this.fail(slot, error);
      }
      throw error;
    }
  }

  /** Seconds of the videos that there are. */
  lengths() {
    return this.viewer.films.filter((_, slot) => this.videos[slot]).map((film) => film.video.duration || 2);
  }

  clear(slot) {
    this.begin(slot);
    this.viewer.overlay.showProgress(null);
    this.dropVideo(slot);
    this.remove(slot);
    this.viewer.changed();
  }

  /** Take a scene away; the next one leads, from its own reference camera. */
  remove(slot) {
    const { leader, viewer } = this;
    this.scenes[slot]?.dispose();
    this.scenes[slot] = null;
    if (leader && this.leader && this.leader !== leader) {
      viewer.rig.change(this.leader.header.view, false);
      viewer.clock.seconds = this.leader.seconds;
    }
    this.relate();
  }

  relate() {
    const { leader } = this;
    const other = (scene) => scene && leader && scene !== leader;
    this.relations = this.scenes.map((scene) => (other(scene) ? relation(leader.header.view, scene.header.view) : null));
  }

  dropVideo(slot) {
    this.viewer.films[slot].clear();
    this.videos[slot] = null;
  }

  /** A new load of a slot ends the one before. */
  begin(slot) {
    if (!(slot in this.loads)) throw new RangeError(`There are slots 0 to ${SLOTS - 1}.`);
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
    return this.videos[slot] ? this.videos[slot].name : (this.scenes[slot]?.header.name ?? "");
  }

  /** Give what is in a slot another name. */
  rename(slot, name) {
    if (this.videos[slot]) this.videos[slot].name = name;
    else if (this.scenes[slot]) this.scenes[slot].header.name = name;
    this.viewer.changed();
  }

  dispose() {
    this.loads.forEach((load) => load?.abort());
    this.scenes.forEach((scene) => scene?.dispose());
    this.scenes = Array(SLOTS).fill(null);
    this.videos.forEach((_, slot) => this.dropVideo(slot));
  }
}
