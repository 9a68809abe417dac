// The seven states: a word, a shape, and (in CSS) a colour. A state is never told by colour alone.

const STATES = ["scheduled", "enqueued", "running", "retrying", "completed", "dead", "cancelled"];

// Drawn on a grid of 16 by 16, in lines; "+" marks a path that is filled instead.
const SHAPES = {
  recent: ["M2 8h3l2-5 3 10 2-5h2"],
  scheduled: ["M8 1.75a6.25 6.25 0 1 1 0 12.5a6.25 6.25 0 0 1 0-12.5z", "M8 4.5V8l2.5 1.75"],
  enqueued: ["M2.5 4h11", "M2.5 8h11", "M2.5 12h11"],
  running: ["+M4.5 2.4c0-.5.5-.8.9-.5l8 5.6c.4.2.4.8 0 1l-8 5.6c-.4.3-.9 0-.9-.5z"],
  retrying: ["M13.5 8a5.5 5.5 0 1 1-1.6-3.9", "M13.7 1.6v3.1h-3.1"],
  completed: ["M8 1.75a6.25 6.25 0 1 1 0 12.5a6.25 6.25 0 0 1 0-12.5z", "M5 8.2l2.2 2.2L11.2 6"],
  dead: ["M5.2 1.75h5.6l3.45 3.45v5.6l-3.45 3.45H5.2l-3.45-3.45V5.2z", "M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8"],
  cancelled: ["M8 1.75a6.25 6.25 0 1 1 0 12.5a6.25 6.25 0 0 1 0-12.5z", "M3.8 12.2l8.4-8.4"],
};

function makeShape(state) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "lk-shape");
  for (const path of SHAPES[state] ?? []) {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", path.replace("+", ""));
    if (path.startsWith("+")) line.setAttribute("class", "lk-filled");
    svg.append(line);
  }
  return svg;
}

/** A state as shape and word; setState() changes one in place. */
function makeState(state) {
  const badge = make("span.lk-state");
  setState(badge, state);
  return badge;
}

function setState(badge, state) {
  if (badge.dataset.state === state) return false;
  const isFirst = badge.dataset.state === undefined;
  badge.dataset.state = state;
  badge.replaceChildren(makeShape(state), state);
  return !isFirst;
}

const sentence = (word) => word[0].toUpperCase() + word.slice(1);
