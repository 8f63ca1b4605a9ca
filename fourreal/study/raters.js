// One question at a time about two films that nothing but their pictures tells apart.
const study = JSON.parse(document.getElementById("study").textContent);
const at = (id) => document.getElementById(id);
const films = { a: at("video-a"), b: at("video-b") };
const storeKey = `fourreal rater ${study.study}`;

// What this browser keeps: who the rater is, and without a server the answers. Where nothing can be kept, the page does.
const stored = (() => {
  try { return JSON.parse(localStorage.getItem(storeKey)) ?? {}; } catch { return {}; }
})();
const keep = () => {
  try { localStorage.setItem(storeKey, JSON.stringify(stored)); } catch { /* private mode: lasts as long as the page */ }
};
stored.rater ??= Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
stored.votes ??= [];
keep();

// Sides and order are random, but the same whenever this rater comes back.
function* chances(seed) {
  let state = [...seed].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 16777619), 2166136261);
  for (;;) {  // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    yield ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
}
const random = chances(stored.rater);
const chance = () => random.next().value;
const shuffled = (list) => {
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(chance() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
};
const order = shuffled(Object.keys(study.questions));
const tasks = shuffled(study.pairs).flatMap((pair) => {
  const [a, b] = chance() < 0.5 ? pair.clips : [...pair.clips].reverse();
  return order.filter((name) => pair.questions.includes(name)).map((question) => ({ ...pair, question, a, b }));
});

const answers = new Map();
const key = (one) => `${one.pair} ${one.question}`;
const remember = (votes) => votes.forEach((vote) => answers.set(key(vote), vote));
let now = 0, shown = null, busy = false, ready = false;

const send = async (what, body) => {
  const answer = await fetch(what, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ rater: stored.rater, ...body }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
};

function section(name) {
  for (const id of ["welcome", "asking", "done"]) at(id).hidden = id !== name;
}

function show() {
  if (now >= tasks.length) return finish();
  const task = tasks[now], given = answers.get(key(task));
  section("asking");
  at("at").textContent = `Question ${now + 1} of ${tasks.length}`;
  at("bar").max = tasks.length;
  at("bar").value = now;
  at("question").textContent = study.questions[task.question];
  at("prompt").hidden = task.question !== "text";
  at("prompt").textContent = task.prompt;
  at("back").disabled = now === 0;
  for (const side of ["a", "b"]) at(side).setAttribute("aria-pressed", String(given?.clip === task[side]));
  if (shown !== task.pair) open(task);
  allow();
}

const allow = () => { for (const side of ["a", "b"]) at(side).disabled = busy || !ready; };

function open(task) {
  shown = task.pair;
  ready = false;
  at("problem").textContent = "";
  for (const side of ["a", "b"]) films[side].src = `clips/${task[side]}`;
  const next = tasks.find((one, number) => number > now && one.pair !== task.pair);
  if (study.server && next) for (const side of ["a", "b"]) fetch(`clips/${next[side]}`).catch(() => {});  // into the cache
}

function together() {
  if (Object.values(films).some((film) => film.readyState < 3)) return;
  if (!ready) {
    ready = true;
    allow();
    restart();
  }
}
function restart() {
  for (const film of Object.values(films)) film.currentTime = 0;
  if (at("pause").getAttribute("aria-pressed") === "false") play();
}
const play = () => Object.values(films).forEach((film) => film.play().catch(() => {}));  // a tab behind others may not
for (const film of Object.values(films)) {
  film.addEventListener("canplay", together);
  film.addEventListener("error", () => {
    at("problem").textContent = "A video could not be loaded. Check your connection, then load the page again.";
  });
}
films.a.addEventListener("timeupdate", () => {
  const gap = films.a.currentTime - films.b.currentTime;
  if (ready && !films.a.seeking && !films.b.seeking && Math.abs(gap) > 0.12) films.b.currentTime = films.a.currentTime;
});
films.a.addEventListener("ended", restart);

function pause() {
  const paused = at("pause").getAttribute("aria-pressed") === "false";
  at("pause").setAttribute("aria-pressed", String(paused));
  at("pause").textContent = paused ? "Play" : "Pause";
  if (paused) Object.values(films).forEach((film) => film.pause());
  else play();
}

async function answer(side) {
  if (busy || !ready || at("asking").hidden) return;
  const task = tasks[now];
  const vote = { pair: task.pair, question: task.question, clip: task[side], left: side === "a" };
  busy = true;
  allow();
  at(side).setAttribute("aria-pressed", "true");
  try {
    if (study.server) await send("votes", { votes: [vote] });
    remember([vote]);
    stored.votes = [...answers.values()];
    keep();
    at("problem").textContent = "";
    now += 1;
  } catch (error) {
    at("problem").textContent = error instanceof TypeError
      ? "The answer could not be sent. Check your connection, then answer again." : error.message;
  }
  busy = false;
  show();
}

function back() {
  if (busy || now === 0) return;
  now -= 1;
  show();
}

function finish() {
  Object.values(films).forEach((film) => film.pause());
  section("done");
  shown = null;
  at("save").hidden = study.server;
  at("thanks").textContent = study.server
    ? `All ${tasks.length} answers are kept. You can close this page.`
    : `Save your ${tasks.length} answers, and send the file to the person who asked you.`;
}

function save() {
  const content = JSON.stringify({ study: study.study, rater: stored.rater, votes: [...answers.values()] });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  link.download = `answers-${stored.rater.slice(0, 8)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

at("a").onclick = () => answer("a");
at("b").onclick = () => answer("b");
at("back").onclick = at("again").onclick = back;
at("pause").onclick = pause;
at("save").onclick = save;
const keys = { a: () => answer("a"), 1: () => answer("a"), arrowleft: () => answer("a"), b: () => answer("b"),
               2: () => answer("b"), arrowright: () => answer("b"), backspace: back, " ": pause };
addEventListener("keydown", (event) => {
  const act = keys[event.key.toLowerCase()];
  const pressing = event.key === " " && event.target instanceof HTMLButtonElement;  // Space presses the button itself
  if (!act || event.repeat || event.ctrlKey || event.metaKey || event.altKey || pressing || at("asking").hidden) return;
  event.preventDefault();
  act();
});

for (const film of Object.values(films)) film.style.aspectRatio = `${study.size[0]} / ${study.size[1]}`;
try {
  remember(study.server ? (await send("rater", {})).votes : stored.votes);
} catch (error) {
  at("kept").textContent = `Earlier answers could not be read: ${error.message}`;
}
const begin = () => {
  now = tasks.findIndex((task) => !answers.has(key(task)));
  if (now < 0) now = tasks.length;
  show();
};
at("count").textContent = `${tasks.length} ${tasks.length === 1 ? "question" : "questions"}`;
at("kept").textContent ||= study.server
  ? "Each answer is kept at once, so you can stop and come back in this browser. What is kept: your answers, and a " +
    "random number that stands for you. Nothing else about you."
  : "Your answers stay in this browser until you save them at the end.";
at("start").onclick = begin;
at("start").textContent = answers.size ? "Go on" : "Start";
section("welcome");
