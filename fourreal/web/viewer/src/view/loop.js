/** Calls `tick(milliseconds now, seconds since)` before each repaint, while there is something to do and to see. */

const LONGEST = 0.1; // seconds that a step may be: nothing leaps after a pause

export class Loop {
  /** `tick` returns whether to go on. */
  constructor(element, tick) {
    this.tick = tick;
    this.request = 0;
    this.last = null;
    this.visible = true;
    this.watch = new IntersectionObserver((entries) => {
      this.visible = entries.at(-1).isIntersecting;
      if (this.visible) this.wake();
      else this.sleep();
    });
    this.watch.observe(element);
  }

  wake() {
    if (!this.request && this.visible && !this.ended) this.request = requestAnimationFrame((now) => this.run(now));
  }

  sleep() {
    cancelAnimationFrame(this.request);
    this.request = 0;
    this.last = null;
  }

  run(now) {
    const seconds = this.last === null ? 0 : Math.min(LONGEST, (now - this.last) / 1000);
    this.last = now;
    this.request = 0;
    if (this.tick(now, seconds)) this.wake();
    else this.last = null;
  }

  end() {
    this.ended = true;
    this.sleep();
    this.watch.disconnect();
  }
}
