// The clock of the candidates, and how their videos keep to it.

const DRIFT = 0.6; // frames that a video may be off the clock before its pace is bent
const LEAP = 4; // and from where on it is set instead

export class Clock {
  constructor() { Object.assign(this, { time: 0, playing: false, loop: true, seconds: 1 }); }

  /** Let seconds pass; whether it began anew. */
  tick(seconds) {
    if (!this.playing) return false;
    this.time += seconds;
    if (this.time < this.seconds) return false;
    this.playing = this.loop;
    this.time = this.loop ? this.time % this.seconds : this.seconds;
    return this.loop;
  }

  /** To the frame `by` frames on, around the ends. */
  step(by, fps) {
    const frames = Math.max(1, Math.round(this.seconds * fps));
    const frame = Math.min(frames - 1, Math.floor(this.time * fps + 1e-6));
    this.playing = false;
    this.time = (((frame + by) % frames) + frames + 0.5) % frames / fps;
  }
}

/** A video where the clock is. exactly: to the frame, as while it is paused. */
export function follow(clock, video, { frames, fps }, exactly) {
  const frame = Math.min(frames - 1, Math.floor(clock.time * fps + 1e-6));
  const end = frame === frames - 1 && clock.seconds - 1e-3 > frames / fps;
  if (!clock.playing || end) {
    if (!video.paused) video.pause();
    const at = (frame + 0.5) / fps;
    if (Math.abs(video.currentTime - at) > 0.1 / fps && !video.seeking) video.currentTime = at;
    return;
  }
  const off = (video.currentTime - clock.time) * fps;
  if (Math.abs(off) > LEAP || (exactly && Math.abs(off) > 1)) { if (!video.seeking) video.currentTime = clock.time; }
  else video.playbackRate = off > DRIFT ? 0.85 : off < -DRIFT ? 1.15 : 1;
  if (video.paused && video.readyState > 1) video.play().catch(() => {}); // it was told to pause before it had begun
}
