/** Elements without a framework. */

/** `make("button.icon", {title: "Play", onclick: play}, child, ...)`: attributes, listeners (on...) and children. */
export function make(selector, properties = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag || "div");
  element.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** An icon of 24 x 24 drawn with lines. */
export function icon(path) {
  const template = document.createElement("template");
  template.innerHTML =
    '<svg viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.8" ' +
    `stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${path}</svg>`;
  return template.content.firstChild;
}

/** A button with an icon, a tooltip and the same words for those who do not see it. */
export function iconButton(path, title, onclick, more = {}) {
  return make("button.icon", { type: "button", title, "aria-label": title, onclick, ...more }, icon(path));
}

/** Give a button another icon and, if any, another title. */
export function redraw(button, path, title) {
  button.querySelector("svg").replaceWith(icon(path));
  if (title) relabel(button, title);
}

export function relabel(button, title) {
  button.title = title;
  button.setAttribute("aria-label", title);
}
