/** Builds what a viewer consists of, in a shadow root: no style of the page gets in, none gets out. */

import { SLOTS } from "../slots.js";
import { Clock } from "../view/clock.js";
import { Loop } from "../view/loop.js";
import { Pacer } from "../view/pacer.js";
import { Rig } from "../view/rig.js";
import { Track } from "../view/track.js";
import { make } from "./dom.js";
import { Film } from "./film.js";
import { Gestures } from "./gestures.js";
import { press } from "./keys.js";
import { Overlay } from "./overlay.js";
import { Remote } from "./remote.js";
import style from "./style.css";
import { Toolbar } from "./toolbar.js";
import { TrackPanel } from "./track.js";

const NARROW = 620; // CSS pixels, below which the toolbar takes two rows
const HELP = "4D scene. Drag to go around it, wheel or pinch to come closer, space to play, arrows to turn.";

export function makeParts(viewer, element) {
  const host = make("div.fourreal-viewer");
  Object.assign(host.style, { display: "block", width: "100%", height: "100%" });
  const root = make("div.root");
  const stage = make("div.stage", { tabindex: 0, role: "application", "aria-label": HELP });
  const canvas = make("canvas", { "aria-hidden": "true" });
  stage.append(canvas);
  root.append(stage);
  host.attachShadow({ mode: "open" }).append(make("style", {}, style), root);
  element.append(host);

  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const rig = new Rig();
  rig.instant = calm.matches;
  const onCalm = () => (rig.instant = calm.matches);
  calm.addEventListener("change", onCalm);

  const films = Array.from({ length: SLOTS }, () => new Film(stage, () => viewer.followFilms()));
  const overlay = new Overlay(stage, SLOTS, (share) => (viewer.divider = share), () => viewer.drawing.arrange());
  const gestures = new Gestures(stage, rig, { onChange: () => viewer.steered(), onHome: () => viewer.goHome() });
  const track = (viewer.track = new Track(viewer));
  const panel = (viewer.panel = new TrackPanel(viewer));
  const ui = new Toolbar(viewer, root);
  root.append(panel.panel, ui.bar, ...ui.menus);
  root.addEventListener("keydown", (event) => {
    if (press(event, viewer)) event.preventDefault();
  });
  const frames = new Loop(root, (now, seconds) => viewer.drawing.turn(now, seconds));
  const onHidden = () => (document.hidden ? films.forEach((film) => film.video.pause()) : frames.wake());
  document.addEventListener("visibilitychange", onHidden);
  const sizes = new ResizeObserver(() => {
    root.classList.toggle("narrow", root.clientWidth < NARROW);
    root.style.setProperty("--bar", `${ui.bar.offsetHeight}px`);
    viewer.drawing.arrange();
    viewer.redraw();
  });
  sizes.observe(stage);
  const { render } = viewer.options;
  const remote = render && new Remote(render, (url) => overlay.showImage(url), (error) => viewer.slots.fail(0, error));

  const endParts = () => {
    calm.removeEventListener("change", onCalm);
    document.removeEventListener("visibilitychange", onHidden);
    sizes.disconnect();
    gestures.dispose();
    overlay.dispose();
    ui.dispose();
    host.remove();
  };
  const clock = new Clock();
  const pacer = new Pacer(viewer.options.adaptive);
  return { root, stage, canvas, calm, rig, clock, pacer, films, overlay, gestures, track, panel, ui, frames, remote, endParts };
}
