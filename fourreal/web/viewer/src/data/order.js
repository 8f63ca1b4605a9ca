/** Splats sorted by depth, the farthest first: exact, as it decides which colour covers which. */

export class Order {
  /**
   * means: (N, 3) float; shifts: whole numbers with origin and step (see r4d.js) or undefined.
   */
  constructor(means, shifts, moving, frames) {
    Object.assign(this, { means, shifts, moving: shifts ? moving : 0, frames, count: means.length / 3 });
    const byDepth = new Float32Array(this.count);
    this.depth = byDepth;
    this.keys = new Uint32Array(byDepth.buffer); // positive floats sort like their bits
    this.visible = new Uint32Array(this.count);
    this.half = new Uint32Array(this.count);
    this.low = new Uint32Array(65536);
    this.high = new Uint32Array(65536);
  }

  /**
   * axis: the camera's forward direction and its offset, depth = axis[0..2] . x + axis[3]; frame: a fractional frame number;
   * amount: 1 with motion, 0 without. Fills `out` and returns how many splats lie beyond `near`.
   */
  sort(axis, frame, amount, near, out) {
    const { means, depth, keys, visible, low, high } = this;
    const [a, b, c, d] = axis;
    this.moved(a, b, c, d, frame, amount);
    for (let i = this.moving * (amount ? 1 : 0); i < this.count; i++) {
      depth[i] = a * means[3 * i] + b * means[3 * i + 1] + c * means[3 * i + 2] + d;
    }
    low.fill(0);
    high.fill(0);
    let seen = 0;
    for (let i = 0; i < this.count; i++) {
      if (!(depth[i] > near)) continue;
      visible[seen++] = i;
      low[keys[i] & 0xffff]++;
      high[keys[i] >>> 16]++;
    }
    // Two passes of a radix sort, 16 bits each, from the last bin to the first: what is far comes out first.
    for (let bin = 65535, lowStart = 0, highStart = 0; bin >= 0; bin--) {
      const inLow = low[bin];
      const inHigh = high[bin];
      low[bin] = lowStart;
      high[bin] = highStart;
      lowStart += inLow;
      highStart += inHigh;
    }
    for (let k = seen - 1; k >= 0; k--) this.half[low[keys[visible[k]] & 0xffff]++] = visible[k];
    for (let k = 0; k < seen; k++) out[high[keys[this.half[k]] >>> 16]++] = this.half[k];
    return seen;
  }

  /** Depths of the moving splats, their shifts interpolated between two frames. */
  moved(a, b, c, d, frame, amount) {
    if (!this.moving || !amount) return;
    const { means, depth, moving, frames } = this;
    const { data, origin, step } = this.shifts;
    const first = Math.min(Math.floor(frame), frames - 1);
    const second = Math.min(first + 1, frames - 1);
    const part = frame - first;
    const plane = moving * frames;
    const from = first * moving;
    const to = second * moving;
    const along = [a * step[0] * amount, b * step[1] * amount, c * step[2] * amount];
    const base = d + amount * (a * origin[0] + b * origin[1] + c * origin[2]);
    for (let i = 0; i < moving; i++) {
      const x = data[from + i] + (data[to + i] - data[from + i]) * part;
      const y = data[plane + from + i] + (data[plane + to + i] - data[plane + from + i]) * part;
      const z = data[2 * plane + from + i] + (data[2 * plane + to + i] - data[2 * plane + from + i]) * part;
      depth[i] =
        a * means[3 * i] + b * means[3 * i + 1] + c * means[3 * i + 2] + base + along[0] * x + along[1] * y + along[2] * z;
    }
  }
}
