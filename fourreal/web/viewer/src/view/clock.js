/** What time it is in the scene: 0 at the first frame, 1 at the last. */

export const LOOPS = ["bounce", "loop", "once"];

export class Clock {
  constructor() {
    this.time = 0;
    this.playing = false;
    this.speed = 1;
    this.loop = "bounce"; // there and back: nothing jumps
    this.forward = true;
    this.seconds = 2; // from 0 to 1
  }

  play() {
    if (this.loop === "once" && this.time >= 1) this.time = 0;
    if (this.loop !== "bounce") this.forward = true;
    this.playing = true;
  }

  /** Whether time winds back now. */
  get backwards() {
    return this.playing && this.loop === "bounce" && !this.forward;
  }

  seek(time) {
    this.time = Math.min(1, Math.max(0, time));
  }

  /** Be at a time, from where it goes on forwards. */
  begin(time) {
    this.forward = true;
    this.seek(time);
  }

  /** Let `seconds` pass. Returns whether the time changed. */
  tick(seconds) {
    if (!this.playing) return false;
    const step = (seconds * this.speed) / this.seconds;
    if (this.loop === "bounce") {
      const phase = ((this.forward ? this.time : 2 - this.time) + step) % 2;
      this.forward = phase < 1;
      this.time = this.forward ? phase : 2 - phase;
    } else if (this.loop === "loop") {
      this.time = (this.time + step) % 1;
    } else {
      this.time = Math.min(1, this.time + step);
      this.playing = this.time < 1;
    }
    return true;
  }
}
