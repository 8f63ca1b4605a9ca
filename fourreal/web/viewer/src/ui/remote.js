/** Pictures drawn by the server, where the browser cannot: one at a time, always the latest camera. */

export class Remote {
  /** `render(camera) -> Promise<url>`; `show(url)`; `fail(error)`. */
  constructor(render, show, fail) {
    Object.assign(this, { render, show, fail });
    this.wanted = null;
    this.running = null;
    this.shown = "";
  }

  /** Ask for a picture of `camera`, unless it is the one shown. */
  ask(camera) {
    const key = JSON.stringify(camera);
    if (key === this.shown) return;
    this.wanted = { camera, key };
    this.running ??= this.work().finally(() => (this.running = null));
  }

  async work() {
    while (this.wanted) {
      const { camera, key } = this.wanted;
      this.wanted = null;
      try {
        const url = await this.render(camera);
        this.shown = key;
        if (this.stopped) return;
        this.show(url);
        if (this.last?.startsWith("blob:") && this.last !== url) URL.revokeObjectURL(this.last);
        this.last = url;
      } catch (error) {
        this.fail(error);
      }
    }
  }

  stop() {
    this.stopped = true;
    this.wanted = null;
  }
}
