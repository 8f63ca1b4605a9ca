// Which keys are for the stage of candidates.

/** shown: whether it can be seen. pressOf: what a key does, undefined where it does nothing. */
export function listen(box, shown, pressOf) {
  document.addEventListener('keydown', (event) => {
    const { target, key } = event;
    const inside = box.contains(target), idle = inside || target === document.body;
    if (!shown() || event.defaultPrevented || event.altKey || event.metaKey || (event.ctrlKey && key !== 'z')) return;
    if (!inside && target.closest?.('input, textarea, select, [contenteditable], [role=dialog]')) return; // somebody types
    if (!idle && !/^[0-8,.slr]$/.test(key)) return; // what changes something is for the stage alone
    if (target.closest?.('button, input, summary, a') && [' ', 'Enter', 'ArrowLeft', 'ArrowRight'].includes(key)) return;
    const press = pressOf(key);
    if (!press) return;
    event.preventDefault();
    press();
  });
}
