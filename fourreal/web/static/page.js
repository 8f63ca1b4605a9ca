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
  const told = slider.closest('label')?.querySelector('output');
  if (told) told.textContent = slider.value;
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
