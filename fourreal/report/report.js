// All clips run on one clock: each shows the clock's time, from its beginning again where it is shorter.
const films = [...document.querySelectorAll("video")];
const play = document.getElementById("play");
const seen = new Set();
let running = true, started = performance.now(), stopped = 0;

const clock = () => (running ? (performance.now() - started) / 1000 : stopped);
const late = 0.12;  // seconds a clip may be off; setting its time makes it stutter

function keep(film) {
  if (!film.duration) return;
  const time = clock() % film.duration;
  const off = Math.abs(film.currentTime - time);
  if (Math.min(off, film.duration - off) > late) film.currentTime = time;
  if (running && film.paused) film.play().catch(() => {});
  if (!running && !film.paused) film.pause();
}
const watch = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) seen.add(target);
    else {
      seen.delete(target);
      target.pause();
    }
  }
});
for (const film of films) {
  film.loop = true;
  watch.observe(film);
}
setInterval(() => seen.forEach(keep), 250);

play.onclick = () => {
  if (running) stopped = clock();
  else started = performance.now() - stopped * 1000;
  running = !running;
  play.textContent = running ? "Pause" : "Play";
  play.setAttribute("aria-pressed", String(running));
  seen.forEach(keep);
};
document.getElementById("again").onclick = () => {
  started = performance.now();
  stopped = 0;
  seen.forEach(keep);
};
