/** A video of another method in place of a scene: where its picture lies, and on the same clock. */

import { SceneError } from "../errors.js";
import { make } from "./dom.js";

const DRIFT = 0.12; // seconds that a playing video may be off before it is set right
const CLOSE = 0.02; // and a halted one

export class Film {
  /** `onPicture()` when a picture that was searched for is there. */
  constructor(stage, onPicture) {
    this.video = make("video.film", { muted: true, playsinline: true, preload: "auto", disablepictureinpicture: true });
    this.video.muted = true;
    this.video.addEventListener("seeked", onPicture);
    this.url = null; // of what it plays
    this.pane = make("div.filmpane", { hidden: true }, this.video);
    stage.append(this.pane);
  }

  /**
   * Resolves once a picture is there; rejects with a SceneError that says why not. The video is fetched as a whole: so
   * every picture of it can be searched for, whatever the server can do.
   */
  async load(url, signal) {
    const response = await fetch(url, { signal }).catch((error) => {
      throw signal.aborted ? error : new SceneError("The video could not be fetched: the server does not answer.");
    });
    if (!response.ok) throw new SceneError(`The video could not be fetched: the server says ${response.status}.`);
    const content = await response.blob();
    signal.throwIfAborted();
    this.clear();
    this.url = URL.createObjectURL(content);
    await this.open(signal);
    const { videoWidth: width, videoHeight: height, duration: seconds } = this.video;
    return { width, height, seconds };
  }

  open(signal) {
    const { video } = this;
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        video.removeEventListener("loadeddata", loaded);
        video.removeEventListener("error", failed);
        signal.removeEventListener("abort", aborted);
        settle(value);
      };
      const loaded = () => end(resolve);
      const failed = () => end(reject, new SceneError("This video cannot be played here."));
      const aborted = () => end(reject, signal.reason);
      video.addEventListener("loadeddata", loaded);
      video.addEventListener("error", failed);
      signal.addEventListener("abort", aborted);
      video.src = this.url;
    });
  }

  get aspect() {
    return this.video.videoWidth / this.video.videoHeight || 16 / 9;
  }

  /** rect: the pane, [x, y, width, height]; frame: where the whole picture of a camera lies; height: of a reference picture. */
  place(rect, frame, height) {
    const { aspect, video } = this;
    const style = (element, [x, y, w, h]) =>
      Object.assign(element.style, { left: `${x}px`, top: `${y}px`, width: `${w}px`, height: `${h}px` });
    this.pane.hidden = false;
    style(this.pane, rect);
    const [w, h] = [height * aspect, height];
    style(video, [frame[0] - rect[0] + (frame[2] - w) / 2, frame[1] - rect[1] + (frame[3] - h) / 2, w, h]);
  }

  /** Follow the clock: a video plays forwards by itself, anything else is a search for the right picture. */
  follow(clock, moving) {
    const { video } = this;
    if (!(video.duration > 0) || video.readyState < 1) return;
    const want = Math.min(clock.time * video.duration, video.duration - 0.001);
    const rate = (clock.speed * video.duration) / clock.seconds;
    const runs = moving && clock.playing && !clock.backwards && rate >= 0.1 && rate <= 10;
    if (runs) {
      if (video.playbackRate !== rate) video.playbackRate = rate;
      // Autoplay may be forbidden; searching below still shows the right pictures.
      if (video.paused) video.play().catch(() => {});
    } else if (!video.paused) video.pause();
    if (Math.abs(video.currentTime - want) > (runs ? DRIFT : CLOSE) && !video.seeking) video.currentTime = want;
  }

  /** Onto a picture of the whole stage, `ratio` pixels a CSS pixel. */
  drawOn(context, ratio) {
    const box = (element) => ["offsetLeft", "offsetTop", "offsetWidth", "offsetHeight"].map((name) => element[name] * ratio);
    const [x, y, width, height] = box(this.pane);
    const [dx, dy, w, h] = box(this.video);
    context.save();
    context.beginPath();
    context.rect(x, y, width, height);
    context.clip();
    context.fillRect(x, y, width, height);
    context.drawImage(this.video, x + dx, y + dy, w, h);
    context.restore();
  }

  clear() {
    this.pane.hidden = true;
    if (!this.url) return;
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
    URL.revokeObjectURL(this.url);
    this.url = null;
  }
}
