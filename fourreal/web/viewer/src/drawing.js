/** What happens before each repaint: time passes, splats are sorted, and a frame is drawn if anything changed. */

import { compose, focalIn, places, stillIn, viewOf } from "./view/compose.js";
import { PATHS } from "./view/paths.js";
import { fovOf } from "./view/rig.js";

const HALT = 150; // milliseconds without motion after which a sharper frame is drawn
const REST = 800; // and after which it is drawn at its best, however long that takes
const PIXELS = 2; // canvas pixels a CSS pixel, at most
const GENTLE = 4; // times as long as a frame took it rests, where the machine has other work
const INTRO = 16; // seconds that the first move of the camera takes, there and back
const INTRO_REACH = 0.3; // radians to either side, where the videos saw that far
const HAND = 1000; // milliseconds after the hand's last movement in which it does not

export class Drawing {
  constructor(viewer) {
    this.viewer = viewer;
    this.dirty = true; // something changed since the last frame
    this.polish = 0; // how well the last frame was drawn, see Pacer.quality
    this.announce = false; // the camera has moved, and nobody was told where it came to rest
    this.phase = 0; // of the camera path
    this.intro = null; // seconds since the first move of the camera began, null when it is over
    this.lastMotion = -Infinity;
    this.lastHand = -Infinity; // when the camera last moved by hand
    this.restUntil = -Infinity; // see `resting`
    this.fence = null; // {sync, began, quality} of the frame that the GPU works on
    this.stamps = []; // when frames were drawn
  }

  /** One turn of the loop at `now` milliseconds. Returns whether to go on. */
  turn(now, seconds) {
    const { viewer } = this;
    if (this.advance(seconds)) {
      this.lastMotion = now;
      this.changed();
    }
    const still = viewer.rig.held ? 0 : now - this.lastMotion;
    const moving = still < HALT;
    const polish = moving ? 0 : still > REST || viewer.pacer.cheap ? 2 : 1;
    if (!viewer.painter?.gl.isContextLost()) {
      const ready = this.ready(now);
      const resting = this.resting(now);
      if (this.dirty && !resting) this.sort();
      if (ready && !resting && (this.dirty || polish > this.polish)) this.draw(now, polish);
    }
    if (!moving && !this.dirty && this.announce) {
      this.announce = false;
      viewer.emit("camera", viewer.view());
    }
    this.showStats(now, moving);
    return viewer.playing || viewer.track.playing || this.intro !== null || Boolean(viewer.path) || moving || this.dirty || this.polish < 2 || Boolean(this.fence);
  }

  changed() {
    // Where the best takes long, what changes by itself is drawn as what moves: more of it may come.
    if (!this.viewer.pacer.cheap) this.lastMotion = performance.now();
    this.dirty = true;
    this.polish = 0;
    this.announce = true;
  }

  /** Let time pass. Returns whether anything moved. */
  advance(seconds) {
    const { viewer } = this;
    const { clock, rig } = viewer;
    let moved = false;
    if (viewer.track.playing) {
      viewer.track.advance(seconds);
      if (!viewer.track.playing) viewer.ui.refresh(); // it came to its end
      return true;
    }
    if (this.intro !== null) moved = this.introduce(seconds);
    if (viewer.path) {
      const path = PATHS[viewer.path];
      this.phase = (this.phase + seconds / path.seconds(clock)) % 1;
      const { time, ...place } = path.place(rig, this.phase);
      rig.go(place);
      if (time !== undefined) clock.seek(time);
      moved = true;
    }
    if (viewer.path !== "study") {
      const played = viewer.playing;
      moved = clock.tick(seconds) || moved;
      if (played && !viewer.playing) viewer.ui.refresh(); // it came to its end
    }
    const turned = rig.tick(seconds);
    if (turned || rig.held) this.lastHand = performance.now();
    return turned || moved;
  }

  /** The first move: slowly to both sides and back, until a hand or a setting says otherwise. */
  introduce(seconds) {
    const { rig } = this.viewer;
    this.intro += seconds;
    const phase = this.intro / INTRO;
    if (phase >= 1) this.intro = null;
    const side = Math.sin(2 * Math.PI * Math.min(1, phase)) * Math.min(1, 4 * phase, 4 * (1 - phase));
    const [low, high] = rig.limits.azimuth;
    const reach = INTRO_REACH * side;
    rig.go({ ...rig.home, azimuth: Math.min(0.7 * high, Math.max(0.7 * low, reach)) });
    return true;
  }

  draw(now, polish) {
    const { viewer } = this;
    this.dirty = false;
    this.polish = polish;
    viewer.ui.showTime();
    viewer.followFilms();
    if (viewer.painter) {
      const quality = viewer.pacer.quality(polish);
      this.paint(quality.share, quality.fine);
      const { gl } = viewer.painter;
      this.fence = { sync: gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0), began: now, quality };
      gl.flush();
    } else if (viewer.slots.leader) viewer.remote?.ask(viewer.view());
    this.stamps.push(now);
    viewer.emit("frame", { time: viewer.time });
  }

  /** Whether the GPU has done the last frame: none is begun before, so that the picture is never frames behind the hand. */
  ready(now) {
    if (!this.fence) return true;
    const { gl } = this.viewer.painter;
    if (gl.getSyncParameter(this.fence.sync, gl.SYNC_STATUS) !== gl.SIGNALED) return false;
    gl.deleteSync(this.fence.sync);
    this.viewer.pacer.note(now - this.fence.began, this.fence.quality);
    this.restUntil = now + GENTLE * (now - this.fence.began);
    this.fence = null;
    return true;
  }

  /**
   * Whether to leave the processor to others for now, a scene that is coming among them: never to the cost of a hand
   * that moves the camera.
   */
  resting(now) {
    const { gentle, slots } = this.viewer;
    return gentle && now - this.lastHand > HAND && (now < this.restUntil || slots.coming > 0);
  }

  /** Ask for new orders; each draws once more when it comes. */
  sort() {
    const { viewer } = this;
    places(viewer).forEach(({ slot }) => {
      const scene = viewer.slots.scenes[slot];
      if (!scene?.gpu || scene.busy) return;
      scene.sort(viewOf(viewer, slot), viewer.time, viewer.deformed ? 1 : 0)?.then(() => {
        this.dirty = true;
        viewer.frames.wake();
      });
    });
  }

  paint(share, fine) {
    const { viewer } = this;
    const { canvas, stage } = viewer;
    const ratio = share * (viewer.options.pixelRatio ?? Math.min(PIXELS, devicePixelRatio));
    const sides = [Math.max(1, stage.clientWidth), Math.max(1, stage.clientHeight)];
    const [width, height] = sides.map((side) => Math.max(1, Math.round(side * ratio)));
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    viewer.painter.draw(compose(viewer, [width / sides[0], height / sides[1]]), fine);
  }

  /** Lay out what is not on the canvas. */
  arrange() {
    const { viewer } = this;
    const { overlay, rig, slots, stage } = viewer;
    const { clientHeight: height } = stage;
    const all = places(viewer);
    const several = all.length > 1;
    const wiped = several && all[0].frame === all[1].frame;
    overlay.showDivider(wiped ? all[1].rect : null, all[0].frame, viewer.divider);
    overlay.showNames(several ? all.map(({ slot, rect }) => ({ name: slots.nameOf(slot), rect })) : [], height);
    if (overlay.aspect) overlay.placeStill(...stillIn(viewer, overlay.aspect));
    viewer.films.forEach((film, slot) => {
      const place = slots.videos[slot] && all.find((one) => one.slot === slot);
      if (!place) film.pane.hidden = true;
      else if (slots.leader) {
        // As large as the reference camera's picture is in the pane beside it.
        const fov = fovOf(rig.view.reference);
        film.place(place.rect, place.frame, 2 * focalIn(rig, place.frame, fov) * Math.tan((fov * Math.PI) / 360));
      } else film.place(place.rect, place.frame, Math.min(place.frame[3], place.frame[2] / film.aspect));
    });
  }

  showStats(now, moving) {
    const { viewer } = this;
    while (this.stamps.length > 1 && now - this.stamps[0] > 1000) this.stamps.shift();
    if (moving && now - this.statsShown < 400) return;
    this.statsShown = now;
    const still = viewer.painter && !viewer.overlay.still.hidden; // what lies over the scene is not made of splats
    const splats = still ? 0 : viewer.slots.scenes.reduce((sum, scene) => sum + (scene?.header.splats ?? 0), 0);
    const rate = moving && this.fps ? ` · ${this.fps.toFixed(0)} fps` : "";
    viewer.overlay.showStats(splats ? `${splats.toLocaleString("en")} splats${rate}` : "");
  }

  /** Frames a second, over the last second of motion. */
  get fps() {
    const span = this.stamps.at(-1) - this.stamps[0];
    return span > 0 ? ((this.stamps.length - 1) * 1000) / span : 0;
  }

  async settle() {
    const { viewer } = this;
    viewer.rig.finish();
    this.arrange();
    if (!viewer.painter) {
      if (viewer.slots.leader) viewer.remote?.ask(viewer.view());
      await viewer.remote?.running;
      return;
    }
    let state = "";
    // While it plays on, what is sorted is soon out of date; orders of neighbouring times hardly differ.
    for (let round = 0; round < 3 && state !== JSON.stringify(viewer.view()); round++) {
      state = JSON.stringify(viewer.view());
      const sort = (scene, slot) => scene?.sortNow(viewOf(viewer, slot), viewer.time, viewer.deformed ? 1 : 0);
      await Promise.all(viewer.slots.scenes.map(sort));
    }
    this.paint(1, true);
  }

  async screenshot() {
    const { viewer } = this;
    await this.settle();
    const { canvas, films, overlay, painter, stage } = viewer;
    const source = painter ? canvas : overlay.preview;
    const [width, height] = painter ? [canvas.width, canvas.height] : [source.naturalWidth, source.naturalHeight];
    const sheet = new OffscreenCanvas(Math.max(1, width), Math.max(1, height));
    const context = sheet.getContext("2d");
    if (width) context.drawImage(source, 0, 0);
    for (const film of films) if (!film.pane.hidden) film.drawOn(context, width / stage.clientWidth);
    return sheet.convertToBlob({ type: "image/png" });
  }
}
