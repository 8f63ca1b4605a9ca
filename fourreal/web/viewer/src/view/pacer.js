/** How sharp to draw: fewer pixels while things move on a slow machine, all of them once they rest. */

const SLOW = 50; // milliseconds a frame that feel slow
const FAST = 24; // and that leave room for more
const FINER = 2; // times as long that half floats take
const LEAST = 0.45; // of the full resolution
const PATIENCE = 700; // milliseconds that the first frame at rest may take: one may want to move on

export class Pacer {
  constructor(adaptive = true) {
    this.adaptive = adaptive;
    this.share = 1; // of the full resolution, along each side, while things move
    this.cost = 0; // milliseconds a frame at full resolution while things move, estimated
  }

  /** A frame of a quality took so many milliseconds. */
  note(milliseconds, { share, fine }) {
    const full = milliseconds / share ** 2 / (fine ? FINER : 1);
    this.cost = this.cost ? this.cost + 0.3 * (full - this.cost) : full;
    const expected = this.cost * this.share ** 2;
    if (expected > SLOW) this.share = Math.max(LEAST, Math.min(this.share * 0.9, Math.sqrt((0.8 * SLOW) / this.cost)));
    else if (expected < FAST) this.share = Math.min(1, this.share * 1.15);
  }

  /** Whether a frame at its best is quickly done. */
  get cheap() {
    return !this.adaptive || FINER * this.cost <= PATIENCE;
  }

  /** {share, fine} to draw with. polish: 0 while things move, 1 once they halt, 2 when they have rested. */
  quality(polish) {
    if (polish === 2) return { share: 1, fine: true };
    if (!this.adaptive) return { share: 1, fine: false };
    if (polish === 0) return { share: this.share, fine: false };
    return { share: Math.min(1, Math.max(LEAST, Math.sqrt(PATIENCE / Math.max(1, this.cost)))), fine: false };
  }
}
