/** What lies over the picture: words in the corners, a still, the divider. */

import { make } from "./dom.js";

const ERROR_STAYS = 8000; // milliseconds

export class Overlay {
  /**
   * `onDivide(share)` when the divider is moved; `onStill()` when the shape of a still is known. slots: how many names
   * there may be.
   */
  constructor(stage, slots, onDivide, onStill) {
    this.preview = make("img", { alt: "" });
    this.behind = make("img.behind", { alt: "" });
    this.still = make("div.still", { hidden: true }, this.behind, this.preview);
    this.preview.addEventListener("load", onStill);
    this.caption = make("div.chip.caption", { hidden: true });
    this.names = Array.from({ length: slots }, () => make("div.chip.name", { hidden: true }));
    this.statusChip = make("div.chip.status", { role: "status", "aria-live": "polite", hidden: true });
    this.stats = make("div.chip.stats", { "aria-hidden": "true", hidden: true });
    this.progress = make("div.bar-of-load");
    this.message = make("div.message", { role: "alert", hidden: true });
    this.divider = make("button.divider", {
      type: "button", role: "slider", hidden: true, "aria-label": "Divider between the two scenes",
      "aria-valuemin": 0, "aria-valuemax": 100,
    });
    stage.append(this.still, this.divider, ...this.names, this.caption, this.statusChip, this.stats, this.progress, this.message);
    this.watchDivider(stage, onDivide);
  }

  watchDivider(stage, onDivide) {
    const { divider } = this;
    divider.addEventListener("pointerdown", (event) => divider.setPointerCapture(event.pointerId));
    divider.addEventListener("pointermove", (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const box = stage.getBoundingClientRect();
      onDivide((event.clientX - box.left - this.frame[0]) / this.frame[2]);
    });
    divider.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
      if (step) onDivide(this.share + step);
    });
  }

  /** right: the box right of the divider, or null for none; frame: the one that it divides; share: where, 0 to 1. */
  showDivider(right, frame, share) {
    this.divider.hidden = right === null;
    if (right === null) return;
    [this.frame, this.share] = [frame, share];
    Object.assign(this.divider.style, { left: `${right[0]}px`, top: `${frame[1]}px`, height: `${frame[3]}px` });
    this.divider.setAttribute("aria-valuenow", String(Math.round(100 * share)));
  }

  /** names: {name, rect} of what is shown, none where it is but one; height: of the stage. */
  showNames(names, height) {
    this.names.forEach((chip, k) => {
      const { name, rect } = names[k] ?? {};
      chip.hidden = !name;
      if (!name) return;
      chip.textContent = name;
      chip.style.left = `${rect[0] + 10}px`;
      chip.style.bottom = `${height - rect[1] - rect[3] + 10}px`;
      chip.style.maxWidth = `${Math.max(0, rect[2] - 20)}px`;
    });
  }

  status(text, bad = false) {
    if (!bad) this.words = text;
    clearTimeout(this.timer);
    this.statusChip.hidden = !text;
    this.statusChip.textContent = text;
    this.statusChip.classList.toggle("bad", bad);
    if (bad) this.timer = setTimeout(() => this.status(this.words ?? ""), ERROR_STAYS);
  }

  showStats(text) {
    this.stats.hidden = !text;
    if (this.stats.textContent !== text) this.stats.textContent = text;
  }

  showProgress(share) {
    this.progress.style.width = share === null ? "0" : `${100 * share}%`;
  }

  showImage(url, caption = "") {
    this.still.hidden = !url;
    for (const image of [this.preview, this.behind]) {
      if (url) image.src = url;
      else image.removeAttribute("src");
    }
    this.caption.hidden = !caption;
    this.caption.textContent = caption;
  }

  /** The shape of the still, null until it is known. */
  get aspect() {
    return this.preview.naturalWidth / this.preview.naturalHeight || null;
  }

  /** Lay the still's picture, `high` pixels high, into the middle of `frame`, [x, y, width, height]. */
  placeStill([x, y, width, height], high) {
    const wide = high * this.aspect;
    const style = (element, [left, top, w, h]) =>
      Object.assign(element.style, { left: `${left}px`, top: `${top}px`, width: `${w}px`, height: `${h}px` });
    style(this.still, [x, y, width, height]);
    style(this.preview, [(width - wide) / 2, (height - high) / 2, wide, high]);
    this.behind.hidden = wide > width - 1 && high > height - 1;
  }

  /** low: at the foot, where a picture is shown as well. */
  showMessage(text, low = false) {
    this.message.hidden = !text;
    this.message.textContent = text;
    this.message.classList.toggle("low", low);
  }

  dispose() {
    clearTimeout(this.timer);
  }
}
