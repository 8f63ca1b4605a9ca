/**
 * Hands on the stage. One pointer orbits; with the right or middle button, or with Shift, it pans; two fingers pan and
 * pinch; the wheel zooms; a double click goes home.
 */

const FLING = 0.12; // seconds that a drag goes on when it is let go
const REST = 180; // milliseconds after the last turn of the wheel, until limits pull back

export class Gestures {
  /** `rig`: the camera; `onChange()` after each change; `onHome()` on a double click. */
  constructor(stage, rig, { onChange, onHome }) {
    Object.assign(this, { stage, rig, onChange, onHome });
    this.pointers = new Map();
    this.speed = [0, 0];
    this.last = 0;
    const listen = (name, method, options) => stage.addEventListener(name, (event) => this[method](event), options);
    listen("pointerdown", "down");
    listen("pointermove", "move");
    listen("pointerup", "up");
    listen("pointercancel", "up");
    listen("wheel", "wheel", { passive: false });
    listen("dblclick", "home");
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  down(event) {
    if (event.target.closest("button, input")) return;
    this.stage.setPointerCapture(event.pointerId);
    this.stage.classList.add("dragging");
    this.stage.focus({ preventScroll: true });
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    this.panning = event.button > 0 || event.shiftKey;
    this.speed = [0, 0];
    this.rig.held = true;
    this.rig.driven = false;
    this.onChange();
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
    const size = Math.max(200, Math.min(this.stage.clientWidth, this.stage.clientHeight * 1.6));
    const old = [...this.pointers.values()];
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.pointers.size === 1) {
      if (this.panning) this.rig.pan(-dx / size, -dy / size);
      else this.turn((-Math.PI * dx) / size, (Math.PI * dy) / size, event.timeStamp);
    } else if (this.pointers.size === 2) {
      const [a, b] = [...this.pointers.values()];
      const apart = ([p, q]) => Math.max(10, Math.hypot(p[0] - q[0], p[1] - q[1]));
      this.rig.zoom(apart(old) / apart([a, b]));
      this.rig.pan(-dx / 2 / size, -dy / 2 / size);
    }
    this.onChange();
  }

  turn(azimuth, elevation, now) {
    const seconds = Math.max(0.004, (now - this.last) / 1000);
    this.last = now;
    this.speed = [azimuth / seconds, elevation / seconds].map((value, k) => 0.6 * value + 0.4 * this.speed[k]);
    this.rig.orbit(azimuth, elevation);
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId) || this.pointers.size) return;
    this.stage.classList.remove("dragging");
    const thrown = !this.panning && event.timeStamp - this.last < 60 && !this.rig.instant;
    if (thrown) this.rig.orbit(...this.speed.map((value) => value * FLING));
    this.rig.release();
    this.onChange();
  }

  wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * [1, 16, 100][event.deltaMode];
    // Trackpads report a pinch as a wheel with Ctrl, in smaller steps.
    this.rig.zoom(Math.exp(Math.max(-120, Math.min(120, pixels)) * (event.ctrlKey ? 0.01 : 0.0016)));
    this.later();
    this.onChange();
  }

  /** Limits pull back a moment after the last step that had no end of its own. */
  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.pointers.size) return;
      this.rig.release();
      this.onChange();
    }, REST);
  }

  home(event) {
    if (!event.target.closest("button, input")) this.onHome();
  }

  dispose() {
    clearTimeout(this.timer);
  }
}
