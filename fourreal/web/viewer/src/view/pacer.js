/** How sharp to draw: fewer pixels while things move on a slow machine, all of them once they rest. */

const SLOW = 50; // milliseconds a frame that feel slow
const FAST = 24; // and that leave room for more
const LEAST = 0.45; // of the full resolution
const PATIENCE = 700; // milliseconds that a frame at rest may take

export class Pacer {
  constructor(adaptive = true) {
    this.adaptive = adaptive;
    this.share = 1; // of the full resolution, along each side, while things move
    this.cost = 0; // milliseconds a frame at full resolution while things move, estimated
  }

  /** A moving frame at `share` took so many milliseconds. */
  note(milliseconds, share) {
    const full = milliseconds / share ** 2;
    this.cost = this.cost ? this.cost + 0.3 * (full - this.cost) : full;
    const expected = this.cost * this.share ** 2;
    if (expected > SLOW) this.share = Math.max(LEAST, Math.min(this.share * 0.9, Math.sqrt((0.8 * SLOW) / this.cost)));
    else if (expected < FAST) this.share = Math.min(1, this.share * 1.15);
  }

  /** {share, fine} to draw with. */
  quality(moving) {
    if (!this.adaptive) return { share: 1, fine: !moving };
    if (moving) return { share: this.share, fine: false };
    // Half floats take about twice as long.
    if (2 * this.cost <= PATIENCE) return { share: 1, fine: true };
    return { share: Math.min(1, Math.max(LEAST, Math.sqrt(PATIENCE / this.cost))), fine: false };
  }
}
