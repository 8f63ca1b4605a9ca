// The stage while there is something to choose: all candidates under one clock, as a grid, one by one, or two beside
// each other. What is done to one is told to Python; see choice.py for the value.

import { Clock, follow } from './choice_clock.js';
import { listen } from './choice_keys.js';
import { Pane, button, make, mark } from './choice_pane.js';

const KEYS = 'Keys: 1 to 8 show one, S two, 0 all. Space plays, comma and full stop step. Enter takes, K keeps, X discards, Z undoes.';
const ROLES = { reference: 'Reference', freeze: 'Freeze-time' };

export function open(box, send) {
  const clock = new Clock();
  clock.playing = !matchMedia('(prefers-reduced-motion: reduce)').matches;
  const panes = new Map(); // by address
  const state = { value: {}, role: '', mode: 'grid', at: 0, beside: 1, why: true, picks: {}, begun: '' };
  const parts = {};

  parts.head = make('div', 'choice-head');
  parts.grid = make('div', 'choice-panes');
  parts.bar = make('div', 'choice-bar');
  parts.acts = make('div', 'choice-acts');
  parts.play = button('', 'Play or pause (Space)', () => play());
  parts.scrub = make('input');
  Object.assign(parts.scrub, { type: 'range', min: 0, max: 1000, step: 1 });
  parts.scrub.setAttribute('aria-label', 'Time');
  parts.scrub.addEventListener('input', () => {
    clock.playing = false;
    clock.time = (parts.scrub.value / 1000) * (clock.seconds - 0.5 / fps());
    place(true);
  });
  parts.frame = make('output', 'choice-frame');
  parts.loop = button('Loop', 'Begin again at the end (L)', () => { clock.loop = !clock.loop; bar(); });
  parts.why = button('Reasons', 'Reasons of the scores over the pictures (R)', () => { state.why = !state.why; draw(); });
  parts.modes = {
    grid: button('All', 'All of them (0)', () => mode('grid')),
    one: button('One', 'One by one (1 to 8)', () => mode('one')),
    side: button('Two', 'Two beside each other (S)', () => mode('side')),
  };
  const modes = make('span', 'choice-modes');
  modes.append(...Object.values(parts.modes));
  parts.bar.append(parts.play, button('‹', 'A frame back (,)', () => step(-1)), button('›', 'A frame on (.)', () => step(1)),
    parts.scrub, parts.frame, parts.loop, parts.why);
  box.append(parts.head, parts.grid, parts.bar, parts.acts, make('p', 'choice-keys quiet', KEYS));
  box.tabIndex = 0;

  const group = () => state.value[state.role] || null;
  const items = () => group()?.items || [];
  const chosen = () => items()[state.at];
  const visible = () => {
    const all = items();
    if (state.mode === 'one') return all.slice(state.at, state.at + 1);
    if (state.mode === 'side') return [all[state.at], all[state.beside]].filter(Boolean);
    return all;
  };
  const fps = () => Math.max(1, ...visible().map((one) => one.fps));

  function play() {
    if (!clock.playing && clock.time >= clock.seconds) clock.time = 0;
    clock.playing = !clock.playing;
    bar();
  }
  function step(by) {
    clock.step(by, fps());
    place(true);
    bar();
  }
  function mode(wanted) {
    if (wanted === 'side') {
      if (items().length < 2) return;
      if (state.beside === state.at) state.beside = state.at ? 0 : 1;
    }
    state.mode = wanted;
    draw();
  }
  function choose(at, wanted) {
    if (!items()[at]) return;
    if (state.mode === 'side' && at !== state.at) state.beside = state.at;
    state.at = at;
    if (wanted) state.mode = wanted;
    draw();
  }
  function act(action) {
    const one = chosen();
    if (action === 'restore') { if (group()?.discarded == null) return; }
    else if (!one || group().fixed || (action === 'again' && one.own)) return;
    const word = action === 'keep' && one.marked ? 'unkeep' : action;
    send({ action: word, role: state.role, number: String(one?.number ?? 0) });
  }

  const keys = {
    ' ': () => play(), ',': () => step(-1), '.': () => step(1), ArrowLeft: () => choose(state.at - 1),
    ArrowRight: () => choose(state.at + 1), 0: () => mode('grid'), Escape: () => mode('grid'), s: () => mode('side'),
    l: () => parts.loop.click(), r: () => parts.why.click(), k: () => act('keep'), x: () => act('discard'), Delete: () => act('discard'),
    z: () => act('restore'), a: () => act('again'), Enter: () => act('pick'), u: () => act('use'),
  };
  listen(box, () => shown(), (key) => {
    const number = /^[1-8]$/.test(key) ? Number(key) : 0;
    return number ? () => choose(number - 1, state.mode === 'side' ? 'side' : 'one') : keys[key.length > 1 ? key : key.toLowerCase()];
  });

  // --- What is seen ---------------------------------------------------------------------------------------------------

  /** The step that it belongs to is open, and there is something to choose. */
  const shown = () => box.offsetParent !== null;

  function pane(one, at) {
    if (!panes.has(one.src)) {
      const press = (made) => choose(made.at, state.mode === 'grid' && made.at === state.at ? 'one' : '');
      panes.set(one.src, new Pane(one.src, press, () => place(true)));
    }
    const reasons = state.why ? one.reasons.slice(0, state.mode === 'grid' ? 1 : 4) : [];
    return panes.get(one.src).draw(one, at, at === state.at, reasons);
  }

  function draw() {
    const all = items();
    state.at = Math.max(0, Math.min(state.at, all.length - 1));
    state.beside = Math.max(0, Math.min(state.beside, all.length - 1));
    if (state.mode === 'side' && all.length < 2) state.mode = 'grid';
    const now = visible();
    clock.seconds = Math.max(0.1, ...now.map((one) => one.frames / one.fps));
    const wanted = now.map((one) => pane(one, all.indexOf(one)));
    const there = [...parts.grid.children];
    if (wanted.length !== there.length || wanted.some((one, index) => one !== there[index])) parts.grid.replaceChildren(...wanted);
    const addresses = new Set(['reference', 'freeze'].flatMap((role) => (state.value[role]?.items || []).map((one) => one.src)));
    for (const [src, gone] of panes) {
      if (now.some((one) => one.src === src)) continue;
      gone.video.pause();
      if (!addresses.has(src)) { gone.video.removeAttribute('src'); panes.delete(src); }
    }
    parts.grid.dataset.count = String(now.length);
    parts.grid.dataset.mode = state.mode;
    head();
    bar();
    acts();
    place(true);
  }

  function head() {
    const tabs = Object.keys(ROLES).filter((role) => state.value[role]?.items.length).map((role) => {
      const tab = button(ROLES[role], '', () => { state.role = role; state.mode = 'grid'; draw(); }, role === state.role ? 'on' : '');
      tab.setAttribute('aria-pressed', String(role === state.role));
      return tab;
    });
    const waiting = group()?.waiting;
    const more = waiting ? `${waiting} more to come` : '';
    parts.head.replaceChildren(...(tabs.length > 1 ? tabs : [make('b', '', `${ROLES[state.role] || ''} videos`)]), make('span', 'quiet', more), modes);
  }

  function bar() {
    parts.play.textContent = clock.playing ? '❚❚' : '▶';
    parts.play.setAttribute('aria-label', clock.playing ? 'Pause' : 'Play');
    mark(parts.loop, clock.loop);
    mark(parts.why, state.why);
    for (const [name, one] of Object.entries(parts.modes)) mark(one, name === state.mode);
    parts.modes.side.disabled = items().length < 2;
  }

  let actsOf = '';
  function acts() {
    const one = chosen(), all = group(), made = [];
    const now = JSON.stringify([state.role, state.at, one?.src, one?.picked, one?.marked, one?.own, all?.fixed, all?.discarded]);
    if (now === actsOf) return; // a button that is replaced while it is pressed is not pressed
    actsOf = now;
    if (one && !all.fixed) {
      made.push(button(one.picked ? '✓ Taken' : `Take ${state.at + 1}`, 'Take it (Enter)', () => act('pick'), 'main'));
      made.push(button(one.marked ? 'Kept' : 'Keep', 'It stays when the others are made again (K)', () => act('keep'), one.marked ? 'on' : ''));
      if (!one.own) made.push(button('Again', 'Another one in its place (A)', () => act('again')));
      made.push(button('Discard', 'Remove it (X)', () => act('discard'), 'danger'));
      if (!one.own) made.push(button('Use its settings', 'Its prompt, seed and settings into the form (U)', () => act('use')));
    }
    if (all && all.discarded != null) made.push(button('Undo discard', 'Bring back the one that was discarded last, then those before it (Z)', () => act('restore'), 'undo'));
    const focus = parts.acts.contains(document.activeElement) ? [...parts.acts.children].indexOf(document.activeElement) : -1;
    parts.acts.replaceChildren(...made);
    if (focus >= 0) (parts.acts.children[Math.min(focus, made.length - 1)] || box).focus();
  }

  /** Every video where the clock is. exactly: to the frame, as while it is paused. */
  function place(exactly) {
    for (const one of visible()) if (panes.has(one.src)) follow(clock, panes.get(one.src).video, one, exactly);
  }

  let before = 0;
  function run(now) {
    requestAnimationFrame(run);
    const passed = Math.min(0.1, (now - before) / 1000);
    before = now;
    seen();
    if (!shown()) return;
    const was = clock.playing;
    const anew = clock.tick(passed);
    place(anew);
    if (was !== clock.playing) bar();
    const frames = Math.max(1, Math.round(clock.seconds * fps()));
    const frame = Math.min(frames, Math.floor(clock.time * fps() + 1e-6) + 1);
    const words = `${frame} / ${frames}`;
    if (parts.frame.textContent !== words) {
      parts.frame.textContent = words;
      if (document.activeElement !== parts.scrub || clock.playing) parts.scrub.value = String(Math.round((1000 * (frame - 0.5)) / frames));
    }
  }

  /** The stage is the choice's as long as its step is open; else it is the scene's. */
  function seen() {
    const step = document.getElementById('create-lead');
    const wanted = items().length > 0 && step !== null && step.offsetParent !== null;
    const stage = box.closest('#stage');
    if (!stage || stage.classList.contains('choosing') === wanted) return;
    stage.classList.toggle('choosing', wanted);
    if (!wanted) for (const { video } of panes.values()) video.pause();
    else draw();
    if (wanted) lead();
  }

  /** Who asked for candidates by key is led to them once they are there. */
  function lead() {
    if (/^(reference|freeze)-make$/.test(document.activeElement?.id || '')) box.focus({ preventScroll: true });
  }

  /** What is to be done next comes into view once something was taken. */
  function next(value) {
    const pick = value.reference?.items.find((one) => one.picked);
    const key = pick ? `${value.reference.id}:${pick.number}` : '';
    if (key && 'reference' in state.picks && state.picks.reference !== key) {
      setTimeout(() => document.getElementById('freezing')?.scrollIntoView({ behavior: 'smooth', block: 'start' }), 400);
    }
    state.picks.reference = key;
  }

  function show(value) {
    if (!value) return;
    const [current, anew] = [chosen()?.src, value.shown !== state.begun || value[value.shown]?.id !== group()?.id];
    state.value = value;
    if (value.shown !== state.begun || !value[state.role]?.items.length) {
      state.role = value.shown;
      state.mode = 'grid';
      state.at = 0;
    } else {
      const at = items().findIndex((one) => one.src === current);
      if (at >= 0) state.at = at;
    }
    state.begun = value.shown;
    next(value);
    draw();
    if (anew && shown()) lead();
  }

  requestAnimationFrame(run);
  return (window.fourrealChoice = { show, clock, panes, state });
}
