// Nodes. Everything that a job brought along reaches the page as text of a node, never as markup.

/** An element: "tag.class", then, where it has any, its attributes and listeners ("onclick"), then
 *  its children, which may be plain text. */
function make(name, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  element.classList.add(...classes);
  const attributes = children[0]?.constructor === Object ? children.shift() : {};
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else setAttribute(element, name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

/** A button: its class, what a press does, and what stands on it. */
const push = (name, onclick, ...children) => make(`button.${name}`, { type: "button", onclick }, ...children);

/** A part with a name, for those who hear the page. */
const group = (name, label, ...children) => make(`div.${name}`, { role: "group", "aria-label": label }, ...children);

const headOf = (...words) => make("thead", make("tr", ...words.map((word) => make("th", { scope: "col" }, word))));

/** One child a key, in the order of the keys, and the same one as long as its key is there.
 *  `build(key)` makes it, as an `element` and whatever else; the answer is all of these. */
function keyed(parent, build) {
  const found = new Map();
  return (keys) => {
    const wanted = new Set(keys);
    for (const [key, { element }] of found) if (!wanted.has(key) && found.delete(key)) element.remove();
    let place = parent.firstChild;
    for (const key of wanted) {
      if (!found.has(key)) found.set(key, build(key));
      const { element } = found.get(key);
      // Moving one that is in its place already would take the focus out of it.
      if (element === place) place = place.nextSibling;
      else parent.insertBefore(element, place);
    }
    return found;
  };
}

/** Change a node's text only where it differs: a selection in it, and a screen reader, stay calm. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setAttribute(element, name, value) {
  if (value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** An axis; `redraw` is called when there is room for more or for fewer marks. */
function makeAxis(redraw) {
  const axis = make("div.lk-axis", { "aria-hidden": "true" });
  new ResizeObserver(redraw).observe(axis);
  return axis;
}
