// Between the page and the viewer: shows what the page wants to be seen, and loads only what is not there yet.

const address = (path) => new URL(path, document.baseURI).href;

/**
 * Opens a viewer in `box`. Returns { show(value) }, value as in viewer_box.shown.
 * order(wish): has the page make a film {scene, keyframes, size, fps}; keyframes as JSON text.
 */
export async function open(box, order) {
  const { Viewer } = await import(address('viewer/viewer.js'));
  let current = { scene: null, kind: 'scene', others: [], layout: 'single', preview: null };
  const viewer = new Viewer(box, {
    // for browsers without WebGL2: the server draws what the camera would see
    render: (camera) => drawn(current.scene, camera),
    makeFilm: async ({ path, size, fps }) => {
      followFilm();
      order({ scene: current.scene, keyframes: JSON.stringify(path), size, fps });
    },
  });
  window.fourrealViewer = viewer;
  viewer.addEventListener('change', () => box.classList.toggle('editing', viewer.editing));
  let shownBefore = false; // what the page begins with is not what its address asks for
  const there = (window.fourrealShown = { scene: '', others: [] }); // what has been loaded so far

  // Only what one run made has the same frame, so that the camera can stay where it is.
  const run = (url) => url?.match(/files\/(\w+)\//)?.[1];
  const sameRun = (a, b) => Boolean(run(a)) && run(a) === run(b);
  const load = ({ url, kind, title }, slot, keep) => kind === 'video'
    ? viewer.loadVideo(address(url), { slot, name: title })
    : viewer.load(address(url), { slot, keep, name: title });

  async function show(value) {
    if (!value) return;
    if (shownBefore) noteAddress(value.address);
    shownBefore = true;
    const before = current;
    viewer.gentle = Boolean(value.live); // the fit may be at work on the same processor
    const { kind, layout, others, preview, title } = value;
    current = { scene: value.scene ?? before.scene, kind: value.scene ? kind : before.kind, others, layout, preview };
    const jobs = [];
    if (value.scene && value.scene !== before.scene) {
      const keep = (others.length > 0 && before.others.length > 0) || sameRun(value.scene, there.scene);
      if (preview && !others.length) viewer.showImage(address(preview), '');
      jobs.push(load({ url: value.scene, kind, title }, 0, keep).then(() => { there.scene = value.scene; }));
    } else {
      if (value.scene && title) viewer.rename(0, title);
      if (!value.scene && preview && preview !== before.preview) viewer.showImage(address(preview), '');
    }
    for (let slot = 1; slot < 4; slot++) {
      const [now, old] = [others[slot - 1], before.others[slot - 1]];
      if (now && now.url === old?.url) viewer.rename(slot, now.title);
      else if (now) jobs.push(load(now, slot, true).then(() => { there.others[slot - 1] = now.url; }));
      else if (old) viewer.clear(slot);
    }
    there.others.length = Math.min(there.others.length, others.length);
    viewer.layout = others.length ? layout : 'single';
    viewer.status(value.status || '');
    // A load that a newer one replaced is no failure, and one that failed is told by the viewer itself.
    await Promise.allSettled(jobs);
  }
  return { show };
}

// Where a film is made may lie below what is seen: it comes into view when it says something new.
let filmWatched = null;
function followFilm() {
  const made = document.getElementById('film-made');
  filmWatched ??= new MutationObserver(() => made.scrollIntoView({ block: 'nearest' }));
  if (made) filmWatched.observe(made, { childList: true, subtree: true });
}

// The address says what is shown. Until the page has opened what its own address asked for, nothing is added to the history.
window.fourrealLink ??= location.search;
function noteAddress(address) {
  const same = (a, b) => decodeURIComponent(a) === decodeURIComponent(b);
  if (typeof address !== 'string' || same(address, location.search)) return;
  const query = new URLSearchParams(location.search);
  for (const name of ['scene', 'compare']) query.delete(name);
  const rest = query.toString(); // what a Space adds stays
  const search = address + (rest ? (address ? '&' : '?') + rest : '');
  if (same(search, location.search)) return;
  history[window.fourrealSettled ? 'pushState' : 'replaceState'](null, '', location.pathname + search + location.hash);
}

async function drawn(scene, camera) {
  const query = new URLSearchParams({ scene, camera: JSON.stringify(camera) });
  const answer = await fetch(address('frame.jpg?' + query));
  if (!answer.ok) throw new Error(await answer.text());
  return URL.createObjectURL(await answer.blob());
}
