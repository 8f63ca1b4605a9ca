// What the stage of candidates is made of: elements, buttons, and one candidate with its video and what is said over it.

export const make = (name, className = '', text = '') => {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
};

export const button = (label, title, press, name = '') => {
  const made = make('button', `act ${name}`.trim(), label);
  made.type = 'button';
  made.title = title;
  made.addEventListener('click', press);
  return made;
};

/** Whether a button's choice is on. */
export function mark(one, on) {
  one.classList.toggle('on', on);
  one.setAttribute('aria-pressed', String(on));
}

export class Pane {
  constructor(src, press, loaded) {
    Object.assign(this, { box: make('figure', 'choice-pane'), video: make('video'), head: make('figcaption'), why: make('ul', 'choice-why') });
    Object.assign(this.video, { muted: true, playsInline: true, preload: 'auto', src: new URL(src, document.baseURI).href });
    this.box.append(this.video, this.head, this.why);
    this.box.addEventListener('click', () => press(this));
    this.video.addEventListener('loadeddata', loaded);
  }

  draw(one, at, chosen, reasons) {
    Object.assign(this, { one, at });
    this.video.setAttribute('aria-label', one.title);
    this.box.classList.toggle('chosen', chosen);
    this.box.classList.toggle('kept', one.marked);
    this.box.classList.toggle('picked', one.picked);
    const marks = [one.picked ? '✓ taken' : '', one.marked ? 'kept' : '', one.best ? 'best score' : ''].filter(Boolean);
    this.head.replaceChildren(make('b', '', at < 8 ? String(at + 1) : '·'), make('span', 'title', one.title),
      ...marks.map((mark) => make('em', '', mark)), make('span', 'score', one.score));
    const facts = [one.arc, one.still].filter(Boolean).map((fact) => make('li', 'fact', fact));
    this.why.replaceChildren(...facts, ...reasons.map((reason) => make('li', '', reason)));
    return this.box;
  }
}
