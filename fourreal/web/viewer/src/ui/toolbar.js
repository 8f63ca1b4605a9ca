/** Everything a person can press. It asks the viewer to do things and shows what the viewer says it is. */

import { LOOPS } from "../view/clock.js";
import { PATHS } from "../view/paths.js";
import { iconButton, make, redraw, relabel } from "./dom.js";
import * as icons from "./icons.js";

const SPEEDS = [0.25, 0.5, 1, 2];
const LOOP_TITLES = { bounce: "Plays there and back (B)", loop: "Plays in a loop (B)", once: "Plays once (B)" };
const DISPLAYS = { splats: "Splats", points: "Points", depth: "Depth" };
const BACKGROUNDS = { scene: "the scene's own", "#0d0f13": "dark", "#7f7f7f": "grey", "#ffffff": "white" };

export class Toolbar {
  constructor(viewer, root) {
    this.viewer = viewer;
    this.root = root;
    this.play = iconButton(icons.play, "Play (space)", () => (viewer.playing = !viewer.playing));
    this.play.classList.add("main");
    this.slider = make("input.time", {
      type: "range", min: 0, max: 1, step: "any", value: 0, "aria-label": "Time",
      oninput: () => viewer.scrub(Number(this.slider.value)),
    });
    this.moment = make("span.moment", {}, "");
    this.loop = iconButton(icons.bounce, LOOP_TITLES.bounce, () => this.nextLoop());
    this.home = iconButton(icons.camera, "Reference camera (R)", () => viewer.goHome());
    this.path = this.menuButton(icons.path, "Camera path (C)", this.pathMenu());
    this.lock = iconButton(icons.locked, "", () => (viewer.locked = !viewer.locked), { "aria-pressed": "true" });
    this.more = this.menuButton(icons.display, "Speed and display", this.displayMenu());
    this.film = iconButton(icons.film, "Film editor (T)", () => (viewer.editing = !viewer.editing), { "aria-pressed": "false" });
    this.shot = iconButton(icons.snapshot, "Save a picture (P)", () => this.capture());
    this.full = iconButton(icons.grow, "Full screen (F)", () => this.toggleFull());
    this.bar = make(
      "div.bar",
      { role: "toolbar", "aria-label": "Viewer" },
      make("div.transport", {}, this.play, this.slider, this.moment, this.loop),
      make("div.tools", {}, this.home, this.path.button, this.lock, this.more.button, this.film, this.shot, this.full),
    );
    this.menus = [this.path.menu, this.more.menu];
    this.onFull = () => this.showFull();
    document.addEventListener("fullscreenchange", this.onFull);
    root.addEventListener("pointerdown", (event) => {
      if (!event.composedPath().some((node) => node.classList?.contains("menu") || node.ariaExpanded != null)) this.closeMenus();
    });
  }

  /** A button that opens a panel. */
  menuButton(path, title, menu) {
    menu.hidden = true;
    const button = iconButton(path, title, () => {
      const open = menu.hidden;
      this.closeMenus();
      menu.hidden = !open;
      button.setAttribute("aria-expanded", String(open));
      if (open) menu.querySelector("button")?.focus();
    }, { "aria-expanded": "false", "aria-haspopup": "true" });
    return { button, menu };
  }

  closeMenus() {
    for (const { button, menu } of [this.path, this.more]) {
      if (menu.contains(menu.getRootNode().activeElement)) button.focus(); // else the focus would go with what is hidden
      menu.hidden = true;
      button.setAttribute("aria-expanded", "false");
    }
  }

  pathMenu() {
    const set = (name) => (this.viewer.path = name);
    const titles = Object.entries(PATHS).map(([name, path]) => [name, path.title]);
    this.paths = choice([["none", "By hand"], ...titles], (name) => set(name === "none" ? null : name));
    return make("div.menu", { role: "group", "aria-label": "Paths" }, row("Camera", this.paths.element));
  }

  displayMenu() {
    const { viewer } = this;
    this.speeds = choice(SPEEDS.map((speed) => [String(speed), `${speed}×`]), (value) => (viewer.speed = Number(value)));
    this.displays = choice(Object.entries(DISPLAYS), (value) => (viewer.display = value));
    this.motion = choice([["true", "Moving"], ["false", "Still"]], (value) => (viewer.deformed = value === "true"));
    this.own = make("input", { type: "color", value: "#335577", "aria-label": "Background: a colour of your own" });
    this.own.addEventListener("input", () => (viewer.background = this.own.value));
    this.backgrounds = Object.entries(BACKGROUNDS).map(([value, name]) => {
      const press = () => (viewer.background = value === "scene" ? null : value);
      const button = make("button", { type: "button", title: `Background: ${name}`, "aria-label": `Background: ${name}`, onclick: press });
      return { value, button };
    });
    const colors = make("div.colors", {}, ...this.backgrounds.map((b) => b.button), make("label", { title: "Background: your own" }, this.own));
    return make(
      "div.menu",
      { role: "group", "aria-label": "Settings" },
      row("Speed", this.speeds.element),
      row("Show as", this.displays.element),
      row("Motion", this.motion.element),
      row("Background", colors),
    );
  }

  /** Show the viewer's state. */
  refresh() {
    const { viewer } = this;
    const pressed = (button, on) => button.setAttribute("aria-pressed", String(on));
    redraw(this.play, viewer.playing ? icons.pause : icons.play, viewer.playing ? "Pause (space)" : "Play (space)");
    redraw(this.loop, icons[viewer.loop], LOOP_TITLES[viewer.loop]);
    const words = viewer.locked ? "Limits: where the videos saw the scene from (L)" : "No limits: go anywhere (L)";
    redraw(this.lock, viewer.locked ? icons.locked : icons.unlocked, words);
    pressed(this.lock, viewer.locked);
    pressed(this.path.button, Boolean(viewer.path));
    pressed(this.film, viewer.editing);
    viewer.panel.refresh();
    this.paths.show(viewer.path ?? "none");
    this.speeds.show(String(viewer.speed));
    this.displays.show(viewer.display);
    this.motion.show(String(viewer.deformed));
    for (const { value, button } of this.backgrounds) {
      pressed(button, (viewer.background ?? "scene") === value);
      button.style.background = value === "scene" ? viewer.sceneBackground() : value;
    }
    this.showTime();
  }

  showTime() {
    const { viewer } = this;
    viewer.panel.showHead();
    const at = `${(100 * viewer.time).toFixed(1)}%`;
    const { seconds } = viewer.clock;
    const text = `${(viewer.time * seconds).toFixed(1)} / ${seconds.toFixed(1)} s`;
    if (this.moment.textContent !== text) this.moment.textContent = text;
    this.slider.value = String(viewer.time);
    this.slider.style.setProperty("--at", at);
    this.slider.setAttribute("aria-valuetext", `${(viewer.time * seconds).toFixed(1)} seconds`);
  }

  nextLoop() {
    this.viewer.loop = LOOPS[(LOOPS.indexOf(this.viewer.loop) + 1) % LOOPS.length];
  }

  nextPath() {
    const names = [null, ...Object.keys(PATHS)];
    this.viewer.path = names[(names.indexOf(this.viewer.path) + 1) % names.length];
  }

  async capture() {
    const blob = await this.viewer.screenshot();
    const link = make("a", { href: URL.createObjectURL(blob), download: `${this.viewer.title()}.png` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  /** Full screen; where a browser has none (a phone), the whole window. */
  toggleFull() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (this.root.requestFullscreen && document.fullscreenEnabled) {
      this.root.requestFullscreen().catch(() => this.fill());
    } else this.fill();
  }

  fill() {
    this.root.classList.toggle("filled");
    this.showFull();
  }

  showFull() {
    const full = this.root.getRootNode().fullscreenElement === this.root;
    this.root.classList.toggle("full", full);
    const large = full || this.root.classList.contains("filled");
    redraw(this.full, large ? icons.shrink : icons.grow, large ? "Leave full screen (F)" : "Full screen (F)");
  }

  /** Without WebGL2 there is but one way to draw. */
  disableDrawing() {
    for (const button of this.displays.buttons.concat(this.motion.buttons)) button.disabled = true;
    relabel(this.more.button, "Speed");
  }

  dispose() {
    document.removeEventListener("fullscreenchange", this.onFull);
  }
}

const row = (title, content) => make("div.row", {}, make("span", {}, title), content);

/** One of a few [value, words]: {element, buttons, show(value)}. */
function choice(words, onPick) {
  const buttons = words.map(([value, text]) =>
    make("button", { type: "button", "data-value": value, "aria-pressed": "false", onclick: () => onPick(value) }, text),
  );
  const show = (value) => buttons.forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.value === value)));
  return { element: make("div.choice", {}, ...buttons), buttons, show };
}

