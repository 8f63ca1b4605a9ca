/** The film editor under the picture: a track with keys on it, and what can be done with them. */

import { CLOCKS, EASES, FOV, MOST_BYTES, parse } from "../view/keyframes.js";
import { clamp, degrees } from "../view/vector.js";
import { iconButton, make, redraw } from "./dom.js";
import * as icons from "./icons.js";

export const SIZES = { "720p": [1280, 720], "1080p": [1920, 1080] };
export const RATES = [24, 25, 30, 50, 60];
const LEAST = 8; // seconds that the track shows
const HALF = 12; // millimetres: half the height of a 36 x 24 picture, by which lenses are known
const HINTS = [
  "Stand where the film begins, and add a key.",
  "Move the camera, or go to another time, and add the next key.",
];

export class TrackPanel {
  constructor(viewer) {
    this.viewer = viewer;
    this.track = viewer.track;
    this.strip = make("div.strip", { "aria-label": "Track" }, (this.head = make("div.head")), (this.marks = make("div.marks")));
    this.play = iconButton(icons.play, "Preview the film", () => this.toggle());
    this.play.classList.add("main");
    this.clockText = make("span.moment", {}, "");
    this.add = word("Add key", "Add a key where the camera stands now (K)", () => this.track.add());
    this.add.classList.add("main");
    this.set = word("Set to here", "Let this key stand where the camera stands now", () => this.track.replace());
    this.erase = word("Delete", "Delete this key (Delete)", () => this.track.remove());
    this.at = make("input.number", { type: "number", min: 0, max: 120, step: 0.1, "aria-label": "Seconds at which the key is" });
    this.at.addEventListener("change", () => Number.isFinite(this.at.valueAsNumber) && this.track.move(this.at.valueAsNumber));
    this.ease = select(EASES, "How the camera goes through this key", (value) => this.track.change({ ease: value }));
    this.lens = make("input", { type: "range", min: 10, max: 135, step: 1, "aria-label": "Lens in millimetres" });
    this.lens.addEventListener("input", () => this.zoom(Number(this.lens.value)));
    this.lensText = make("span.lens", {}, "");
    this.clock = select(CLOCKS, "What time it is in the scene", (value) => this.track.setClock(value));
    this.save = word("Save path", "Save the path as a JSON file", () => this.download());
    this.file = make("input", { type: "file", accept: ".json,application/json", hidden: true, "aria-label": "A path that was saved" });
    this.file.addEventListener("change", () => this.open());
    this.load = word("Load path", "Load a path that was saved", () => this.file.click());
    this.hint = make("p.hint", { role: "status" });
    this.size = select(Object.fromEntries(Object.keys(SIZES).map((name) => [name, name])), "Size of the film", () => {});
    this.rate = select(Object.fromEntries(RATES.map((rate) => [rate, `${rate} fps`])), "Frames a second", () => {});
    this.rate.value = "30";
    this.make = word("Make film", "Make a video file of it", () => this.order());
    this.make.classList.add("main");
    this.panel = make(
      "div.track", { role: "group", "aria-label": "Film editor", hidden: true },
      make("div.line", {}, this.play, this.strip, this.clockText),
      make(
        "div.line.tools2", {}, this.add, this.set, this.erase, labelled("At", this.at), labelled("Passes", this.ease),
        make("label.wide", {}, make("span.named", {}, "Lens"), this.lens, this.lensText), labelled("Time", this.clock),
      ),
      make("div.line.tools2", {}, this.load, this.save, this.file, this.size, this.rate, this.make, this.hint),
    );
    this.watchStrip();
  }

  get span() {
    return this.held ?? Math.max(LEAST, Math.ceil((this.track.keys.at(-1)?.at ?? 0) + 2));
  }

  watchStrip() {
    const { strip } = this;
    const seconds = (event) => {
      const box = strip.getBoundingClientRect();
      return Math.round(clamp((event.clientX - box.left) / box.width, 0, 1) * this.span * 10) / 10;
    };
    let grip = null; // what the pointer holds: a key's number, or "head"
    strip.addEventListener("pointerdown", (event) => {
      const mark = event.composedPath().find((node) => node.classList?.contains("mark"));
      grip = mark ? Number(mark.dataset.key) : "head";
      this.held = this.span;
      strip.setPointerCapture(event.pointerId);
      this.began = event.clientX;
      if (mark) this.choose(grip);
      else if (this.track.keys.length) this.track.seek(seconds(event));
      event.preventDefault();
    });
    strip.addEventListener("pointermove", (event) => {
      if (grip === null) return;
      if (grip === "head") return this.track.keys.length && this.track.seek(seconds(event));
      if (Math.abs(event.clientX - this.began) > 3) this.track.move(seconds(event));
    });
    const end = () => {
      grip = null;
      this.held = null;
      this.refresh();
    };
    strip.addEventListener("pointerup", end);
    strip.addEventListener("pointercancel", end);
  }

  choose(number) {
    this.track.choose(number);
    this.marks.children[number]?.focus({ preventScroll: true });
  }

  /** A key of the keyboard on a mark. Returns whether it meant something. */
  press(event, number) {
    const { track } = this;
    const step = { ArrowLeft: -0.1, ArrowRight: 0.1 }[event.key];
    if (step) {
      if (track.chosen !== number) track.choose(number);
      track.move(track.keys[number].at + (event.shiftKey ? 10 : 1) * step);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      track.chosen = number;
      track.remove();
      (this.marks.children[track.chosen] ?? this.add).focus();
    } else if (event.key === "Enter" || event.key === " ") track.choose(number);
    else return false;
    return true;
  }

  toggle() {
    const { track } = this;
    if (track.playing) track.stop();
    else track.play();
    this.viewer.changed();
  }

  /** Look through another lens; the chosen key's as well. */
  zoom(millimetres) {
    const fov = clamp(degrees(2 * Math.atan(HALF / millimetres)), ...FOV);
    this.viewer.rig.put({ fov });
    if (this.track.keys[this.track.chosen]) this.track.change({ fov });
    else this.viewer.changed();
  }

  download() {
    const text = JSON.stringify(this.track.path, null, 1);
    const href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    make("a", { href, download: `${this.viewer.title()}-path.json` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
  }

  async open() {
    const [file] = this.file.files;
    this.file.value = "";
    if (!file) return;
    try {
      if (file.size > MOST_BYTES) throw new RangeError(`A camera path has at most ${MOST_BYTES / 1024} kB.`);
      this.track.load(parse(await file.text()));
    } catch (error) {
      this.viewer.overlay.status(error.message, true);
    }
  }

  /** Have the page make the film. */
  async order() {
    this.track.stop();
    this.busy = true;
    this.refresh();
    try {
      await this.viewer.options.makeFilm({ path: this.track.path, size: this.size.value, fps: Number(this.rate.value) });
    } catch (error) {
      this.viewer.overlay.status(error.message, true);
    } finally {
      this.busy = false;
      this.refresh();
    }
  }

  show(on) {
    this.panel.hidden = !on;
    if (on) this.refresh();
  }

  refresh() {
    const { track, viewer } = this;
    if (this.panel.hidden) return;
    const { keys, chosen } = track;
    const key = keys[chosen];
    this.drawMarks();
    this.showHead();
    redraw(this.play, track.playing ? icons.pause : icons.play, track.playing ? "Halt the preview" : "Preview the film");
    for (const part of [this.play, this.save, this.make, this.size, this.rate]) part.disabled = !track.whole;
    for (const part of [this.make, this.size, this.rate]) part.hidden = !viewer.options.makeFilm;
    this.make.disabled ||= this.busy;
    for (const part of [this.set, this.erase, this.at, this.ease]) part.disabled = !key;
    const root = this.panel.getRootNode();
    if (root.activeElement !== this.at) this.at.value = key ? String(Math.round(key.at * 100) / 100) : "";
    this.ease.value = key?.ease ?? "smooth";
    this.clock.value = track.clock;
    const lens = Math.round(HALF / Math.tan((viewer.rig.now.fov * Math.PI) / 360));
    this.lens.value = String(lens);
    this.lensText.textContent = `${lens} mm`;
    this.hint.textContent = HINTS[keys.length] ?? "";
    this.hint.hidden = keys.length > 1;
  }

  drawMarks() {
    const { keys, chosen } = this.track;
    while (this.marks.children.length > keys.length) this.marks.lastChild.remove();
    while (this.marks.children.length < keys.length) this.marks.append(this.mark(this.marks.children.length));
    keys.forEach((key, k) => {
      const mark = this.marks.children[k];
      mark.style.left = `${(100 * key.at) / this.span}%`;
      mark.classList.toggle("chosen", k === chosen);
      mark.setAttribute("aria-valuenow", String(key.at));
      mark.setAttribute("aria-valuemax", String(this.span));
      mark.setAttribute("aria-label", `Key ${k + 1} of ${keys.length}`);
      mark.setAttribute("aria-valuetext", `${key.at.toFixed(1)} seconds`);
      mark.title = `Key ${k + 1}, ${key.at.toFixed(1)} s`;
    });
  }

  mark(number) {
    const mark = make("button.mark", { type: "button", role: "slider", "data-key": number, "aria-valuemin": 0 });
    mark.addEventListener("keydown", (event) => {
      if (!this.press(event, number)) return;
      event.preventDefault();
      event.stopPropagation();
    });
    return mark;
  }

  showHead() {
    if (this.panel.hidden) return;
    const { track } = this;
    this.head.hidden = !track.keys.length;
    this.head.style.left = `${(100 * track.at) / this.span}%`;
    const text = `${track.at.toFixed(1)} s`;
    if (this.clockText.textContent !== text) this.clockText.textContent = text;
  }
}

function word(text, title, onclick) {
  return make("button.word", { type: "button", title, onclick }, text);
}

function labelled(text, part) {
  return make("label", {}, make("span", {}, text), part);
}

/** A field with a few words: {value: words}. */
function select(words, title, onPick) {
  const options = Object.entries(words).map(([value, text]) => make("option", { value }, text));
  const field = make("select", { title, "aria-label": title }, ...options);
  field.addEventListener("change", () => onPick(field.value));
  return field;
}
