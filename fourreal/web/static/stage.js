// Between the page and the viewer: shows what the page wants to be seen, and loads only what is not there yet.

const address = (path) => new URL(path, document.baseURI).href;

/**
 * Opens a viewer in `box`. Returns { show(value) }, value as in viewer_box.shown.
 * order(wish): has the page make a film {scene, keyframes, size, fps}; keyframes as JSON text.
 */
export async function open(box, order) {
  const { Viewer } = await import(address('viewer/viewer.js'));
  let current = { scene: null, second: null, layout: 'single', preview: null };
  const viewer = new Viewer(box, {
    // for browsers without WebGL2: the server draws what the camera would see
    render: (camera) => drawn(current.scene, camera),
    makeFilm: async ({ path, size, fps }) => order({ scene: current.scene, keyframes: JSON.stringify(path), size, fps }),
  });
  window.fourrealViewer = viewer;
  viewer.addEventListener('change', () => box.classList.toggle('editing', viewer.editing));
  const there = (window.fourrealShown = { scene: '', second: '' }); // what has been loaded so far

  const sameRun = (a, b) => a && b && a.match(/files\/(\w+)\//)?.[1] === b.match(/files\/(\w+)\//)?.[1];

  async function show(value) {
    if (!value) return;
    const before = current;
    viewer.gentle = Boolean(value.live); // the fit may be at work on the same processor
    current = {
      scene: value.scene ?? before.scene, second: value.second, layout: value.layout, preview: value.preview,
    };
    const jobs = [];
    if (value.second?.url !== before.second?.url) {
      there.second = '';
      if (!value.second) viewer.clear(1);
      else {
        const { url, kind, title: name } = value.second;
        const job = kind === 'video' ? viewer.loadVideo(address(url), { slot: 1, name }) : viewer.load(address(url), { slot: 1, keep: true, name });
        jobs.push(job.then(() => { there.second = url; }));
      }
    }
    viewer.layout = value.second ? value.layout : 'single';
    if (value.scene && value.scene !== before.scene) {
      const keep = Boolean(value.second) || (Boolean(sameRun(value.scene, before.scene)));
      jobs.push(viewer.load(address(value.scene), { slot: 0, keep, name: value.title }).then(() => { there.scene = value.scene; }));
    } else if (!value.scene && value.preview && value.preview !== before.preview) {
      viewer.showImage(address(value.preview), '');
    }
    viewer.status(value.status || '');
    // A load that a newer one replaced is no failure, and one that failed is told by the viewer itself.
    await Promise.allSettled(jobs);
  }
  return { show };
}

async function drawn(scene, camera) {
  const query = new URLSearchParams({ scene, camera: JSON.stringify(camera) });
  const answer = await fetch(address('frame.jpg?' + query));
  if (!answer.ok) throw new Error(await answer.text());
  return URL.createObjectURL(await answer.blob());
}
