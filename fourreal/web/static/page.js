// Sliders over a clip's frames: the picture, or the film itself, follows the finger without asking Python.
document.addEventListener('input', (event) => {
  const slider = event.target;
  const film = slider.dataset?.seek !== undefined && slider.closest('[data-form]')?.querySelector('video');
  if (film) {
    film.pause();
    film.currentTime = (Number(slider.value) + 0.5) / Number(film.dataset.fps);
  }
  if (!slider.dataset?.frames && !film) return;
  const frame = slider.closest('.scrub')?.querySelector('img.frame');
  if (frame) frame.src = slider.dataset.frames + String(slider.value).padStart(4, '0') + '.jpg';
  const output = slider.closest('label')?.querySelector('output');
  if (output) output.textContent = slider.value;
});

// Links to a shared scene: what is copied has the page's own address in it.
document.addEventListener('click', async (event) => {
  const press = event.target.closest?.('[data-copy]');
  if (!press) return;
  const { href } = new URL(press.dataset.copy, document.baseURI);
  const frame = `<iframe src="${href}" width="960" height="600" style="border:0" allow="fullscreen" loading="lazy"></iframe>`;
  const words = press.textContent;
  try {
    await navigator.clipboard.writeText(press.dataset.frame ? frame : href);
    press.textContent = 'Copied';
  } catch {
    window.prompt('Copy this:', press.dataset.frame ? frame : href);
  }
  setTimeout(() => { press.textContent = words; }, 2000);
});

// Links of the strip open in place: the address changes, and the page follows it as it follows the back button.
document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[data-open]');
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (link.search !== location.search) history.pushState(null, '', link.search + location.hash);
  dispatchEvent(new PopStateEvent('popstate'));
});

// Examples play under the pointer or the focus: all of them at once would be restless, beside a scene that plays.
const plays = { pointerover: true, focusin: true, pointerout: false, focusout: false };
for (const [kind, play] of Object.entries(plays)) {
  document.addEventListener(kind, (event) => {
    const card = event.target.closest?.('.example');
    if (!card || card.contains(event.relatedTarget)) return;
    for (const video of card.querySelectorAll('video')) {
      if (play) video.play().catch(() => {}); // it was told to pause before it had begun
      else video.pause();
    }
  });
}

// Gradio gives a group of choices, and the field that takes a file, no name of their own: each has it from the words that
// stand with it, for those who do not see where they stand.
const NAMELESS = 'fieldset:not([aria-label]), .drop .upload-container:not([data-named])';
function name() {
  waiting = 0;
  for (const nameless of document.querySelectorAll(NAMELESS)) {
    const words = nameless.closest('.block')?.querySelector('[data-testid=block-info], [data-testid=block-label]')?.textContent.trim();
    if (nameless.matches('fieldset')) nameless.setAttribute('aria-label', words || '');
    else {
      nameless.dataset.named = '';
      if (words) nameless.setAttribute('aria-label', `${words}: ${nameless.getAttribute('aria-label')}`);
    }
  }
}

// Gradio (6.31) heads its messages by their kind, in its own words, whatever title they were sent with.
const HEADS = { error: 'That did not work', warning: 'One was left out', info: 'Noted' };
const messages = document.getElementsByClassName('toast-title');
function head() {
  for (const title of messages) {
    const words = Object.entries(HEADS).find(([kind]) => title.classList.contains(kind))?.[1];
    if (words && title.firstChild.data !== words) title.firstChild.data = words;
  }
}

let waiting = 0;
new MutationObserver(() => { head(); waiting ||= setTimeout(name, 300); }).observe(document, { childList: true, subtree: true });
