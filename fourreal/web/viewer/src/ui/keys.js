/** The keyboard: what each key does, once the viewer has the focus. docs/viewer.md lists them for people. */

const TURN = 0.12; // radians a press
const SLIDE = 0.06; // of the distance a press

/** Handle a keydown. Returns whether the key meant something. */
export function press(event, viewer) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const at = event.composedPath()[0];
  if ((at.tagName === "SELECT" || at.type === "number") && event.key !== "Escape") return false;
  const { rig, ui } = viewer;
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (arrows[event.key]) {
    if (at.tagName === "INPUT" || at.classList.contains("divider")) return false;
    const [x, y] = arrows[event.key];
    if (event.shiftKey) rig.pan(SLIDE * x, SLIDE * y);
    else rig.orbit(TURN * x, -TURN * y);
    viewer.nudged();
    return true;
  }
  if ((event.key === " " || event.key === "Enter") && at.tagName === "BUTTON") return false;
  const closer = (factor) => (rig.zoom(factor), viewer.nudged());
  const actions = {
    " ": () => (viewer.playing = !viewer.playing),
    ",": () => viewer.step(-1),
    ".": () => viewer.step(1),
    "+": () => closer(0.9),
    "=": () => closer(0.9),
    "-": () => closer(1 / 0.9),
    r: () => viewer.goHome(),
    c: () => ui.nextPath(),
    l: () => (viewer.locked = !viewer.locked),
    d: () => (viewer.deformed = !viewer.deformed),
    b: () => ui.nextLoop(),
    t: () => (viewer.editing = !viewer.editing),
    k: () => viewer.editing && viewer.track.add(),
    f: () => ui.toggleFull(),
    p: () => ui.capture(),
    1: () => (viewer.display = "splats"),
    2: () => (viewer.display = "points"),
    3: () => (viewer.display = "depth"),
    Escape: () => ui.closeMenus(),
  };
  const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  action?.();
  return Boolean(action);
}
