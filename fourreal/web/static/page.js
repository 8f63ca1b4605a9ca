// Sliders over a clip's frames: the picture follows the finger without asking Python.
document.addEventListener('input', (event) => {
  const slider = event.target;
  if (!slider.dataset?.frames) return;
  const frame = slider.closest('.scrub')?.querySelector('img.frame');
  if (frame) frame.src = slider.dataset.frames + String(slider.value).padStart(4, '0') + '.jpg';
  const told = slider.closest('label')?.querySelector('output');
  if (told) told.textContent = slider.value;
});
