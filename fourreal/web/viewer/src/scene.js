/** One scene on the main thread: its header, its splats on the GPU, and the worker that sorts them. */

import { connect } from "./data/connect.js";
import { SceneError } from "./errors.js";

const NEAR = 0.2; // as in the shader

export class Scene {
  /** Fetch a scene. `signal` aborts; `onProgress(received, total)` in bytes. */
  static async load(url, { signal, onProgress } = {}) {
    signal?.throwIfAborted();
    const port = connect();
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        signal?.removeEventListener("abort", abort);
        if (settle === reject) port.terminate();
        settle(value);
      };
      const abort = () => end(reject, signal.reason);
      signal?.addEventListener("abort", abort);
      port.onerror = (event) => end(reject, new SceneError(`The scene could not be read: ${event.message ?? "no worker"}.`));
      port.onmessage = ({ data }) => {
        if (data.type === "progress") onProgress?.(data.received, data.total);
        else if (data.type === "error") end(reject, new SceneError(data.message));
        else end(resolve, new Scene(port, data));
      };
      port.postMessage({ type: "load", url: new URL(url, document.baseURI).href });
    });
  }

  constructor(port, loaded) {
    this.port = port;
    this.loaded = loaded;
    this.header = loaded.header;
    this.gpu = null;
    this.sorted = ""; // what the order was made for
    this.busy = null; // {key, done: Promise, finish}
    this.spare = null; // a buffer to sort into
    port.onmessage = ({ data }) => this.ordered(data);
    port.onerror = () => this.ordered(null);
  }

  get seconds() {
    return Math.max(1, this.header.frames - 1) / this.header.fps;
  }

  /** The time, 0 to 1, of the frame that the freeze-time video shows: the one seen from everywhere. */
  get frozen() {
    return this.header.canonical / Math.max(1, this.header.frames - 1);
  }

  /** Onto the GPU; again after the context was lost. */
  upload(painter) {
    this.gpu?.dispose();
    this.gpu = painter.upload(this.loaded);
    this.sorted = "";
  }

  /** {code, keys, part}: the fractional frame number of a time in [0, 1], and the frames around it. */
  between(time) {
    const frame = time * (this.header.frames - 1);
    const first = Math.min(Math.floor(frame), this.header.frames - 1);
    return { code: frame, keys: [first, Math.min(first + 1, this.header.frames - 1)], part: frame - first };
  }

  /** Sort for what a camera sees, unless that is being done. Returns a promise if there is anything to wait for. */
  sort(view, time, amount) {
    const axis = [view[2], view[6], view[10], view[14]];
    const { code: frame } = this.between(time);
    const key = [...axis, this.loaded.motion ? frame * (amount > 0) : 0, amount].join();
    if (this.busy || key === this.sorted) return this.busy?.done;
    const busy = { key };
    busy.done = new Promise((resolve) => (busy.finish = resolve));
    this.busy = busy;
    const buffer = this.spare;
    this.spare = null;
    this.port.postMessage({ type: "sort", axis, frame, amount, near: NEAR, buffer }, buffer ? [buffer] : []);
    return busy.done;
  }

  /** Sort for exactly this, after whatever is being sorted. */
  async sortNow(view, time, amount) {
    while (this.busy) await this.busy.done;
    await this.sort(view, time, amount);
  }

  ordered(answer) {
    const { busy } = this;
    this.busy = null;
    if (answer && this.gpu) {
      this.gpu.setOrder(answer.order, answer.count);
      this.sorted = busy.key;
    }
    if (answer) this.spare = answer.order.buffer;
    busy?.finish();
  }

  dispose() {
    this.port.terminate();
    this.busy?.finish();
    this.gpu?.dispose();
    this.gpu = null;
  }
}
