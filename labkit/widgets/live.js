// What labkit's widgets share on the page. Python joins the files of a widget into one module.
//
// follow() keeps the view that Python publishes, from numbered changes, and carries wishes back.
// Everything that a job brought along reaches the page as text of a node, never as markup.

/** An element with attributes, listeners ("onclick") and children, which may be plain text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

/** Change a node's text only where it differs: a selection in it, and a screen reader, stay calm. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setAttribute(element, name, value) {
  if (value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** A JSON merge patch (RFC 7396); what it does not touch keeps its identity. */
function merge(target, patch) {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  // Without a prototype: a job may be called "constructor", or "__proto__".
  const merged = Object.assign(Object.create(null), Array.isArray(target) ? {} : target);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = merge(merged[key], value);
  }
  return merged;
}

const NO_KERNEL = "no kernel: run the cell again";
const SHOW_PENDING_AFTER = 250;
const HIDE_AFTER = 2000;
const SIGN_OF_LIFE_EVERY = 300_000;

/** One for each model: all of its views on this page draw from it. */
function follow(model) {
  const page = Math.random().toString(36).slice(2, 10);
  const viewers = new Set();
  const visible = new Set();
  let view = {};
  let revision = -1;
  let wantsWhole = false;
  let asked = 0;
  let pendingSince = 0;
  let clockAhead = 0;
  let isDoubtful = false;
  let hiding;

  const redraw = () => viewers.forEach((draw) => draw());

  function send(message) {
    try {
      model.send(message);
    } catch {
      // The kernel is gone; the page says so by other means.
    }
  }

  function take() {
    isDoubtful = false;
    const news = model.get("view") ?? {};
    if (news.whole) {
      view = merge({}, news.whole);
      wantsWhole = false;
    } else if (news.base === revision) {
      view = merge(view, news.patch);
    } else if (news.revision !== revision) {
      if (!wantsWhole) send({ kind: "whole" });
      wantsWhole = true;
      return;
    }
    revision = news.revision;
    const clock = news.whole ? undefined : news.patch?.clock;
    if (clock !== undefined) clockAhead = clock - Date.now();
    redraw();
  }

  const pending = (number = asked) => number > (view.answered?.[page] ?? 0);

  /** Tell Python what this page wants; pending() is true until Python has done it. */
  function ask(message) {
    if (!pending()) pendingSince = Date.now();
    send({ ...message, ask: [page, ++asked] });
    setTimeout(redraw, SHOW_PENDING_AFTER + 10);
    redraw();
    return asked;
  }

  /** Whether an answer takes so long that the page should say so. */
  const late = () => pending() && Date.now() - pendingSince > SHOW_PENDING_AFTER;

  /** The line to the kernel was cut or renewed: only an answer proves that our widget is there. */
  function doubt() {
    isDoubtful = true;
    ask({ kind: "seen", visible: visible.size > 0 });
  }

  function be(seen) {
    clearTimeout(hiding);
    if (seen) ask({ kind: "seen", visible: true });
    else hiding = setTimeout(() => send({ kind: "seen", visible: false }), HIDE_AFTER);
  }

  function setVisible(token, isVisible) {
    const before = visible.size;
    if (isVisible) visible.add(token);
    else visible.delete(token);
    if (!before !== !visible.size) be(visible.size > 0);
  }

  const leave = () => visible.size && send({ kind: "seen", visible: false });
  const life = setInterval(() => visible.size && be(true), SIGN_OF_LIFE_EVERY);
  window.addEventListener("pagehide", leave);
  model.on("change:view", take);
  model.on("comm_live_update", doubt);
  take();

  return {
    get view() {
      return view;
    },
    now: () => Date.now() + clockAhead,
    page,
    redraw,
    ask,
    pending,
    late,
    gone: () => isDoubtful && late(),
    setVisible,
    visible: () => visible.size > 0,
    add: (draw) => viewers.add(draw),
    remove: (draw) => viewers.delete(draw),
    end() {
      clearInterval(life);
      clearTimeout(hiding);
      window.removeEventListener("pagehide", leave);
    },
  };
}

/** Draw into `element` whenever the view changes, at most once a frame; returns how to end it. */
function keepDrawn(live, element, draw) {
  let frame = 0;
  const token = {};
  const request = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      draw();
    });
  };
  let isNear = false;
  const tell = () => live.setVisible(token, isNear && document.visibilityState === "visible");
  const observer = new IntersectionObserver((entries) => {
    isNear = entries.at(-1).isIntersecting;
    tell();
  });
  observer.observe(element);
  document.addEventListener("visibilitychange", tell);
  live.add(request);
  draw();
  return () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
    document.removeEventListener("visibilitychange", tell);
    live.remove(request);
    live.setVisible(token, false);
  };
}

/** Keys pressed in a widget are its own, or "d, d" on a button would delete the cell, and Notebook 7
 *  would take Enter away from it. With Ctrl, Alt or Meta they are the notebook's, as Shift+Enter is;
 *  Escape goes back to the cell. */
function keepKeys(root) {
  // On what has the focus: the notebook looks from there upwards, and stops at its first find.
  root.addEventListener("focusin", ({ target }) => (target.dataset.lmSuppressShortcuts = "true"));
  root.addEventListener("keydown", (event) => {
    const cell = root.closest(".jp-Cell");
    const { key, code, keyCode, ctrlKey, altKey, metaKey, shiftKey } = event;
    const runs = key === "Enter" && (ctrlKey || altKey || shiftKey);
    if (!cell || event.defaultPrevented) return;
    if (runs || key === "Escape") cell.focus();
    if (!runs && !ctrlKey && !altKey && !metaKey) return;
    const again = { key, code, keyCode, ctrlKey, altKey, metaKey, shiftKey, bubbles: true, cancelable: true };
    if (!cell.dispatchEvent(new KeyboardEvent("keydown", again))) event.preventDefault();
  });
}

/** A widget's module: `build(live, element)` makes its nodes and returns how to draw them. */
function widget(name, build) {
  return () => {
    let live;
    return {
      initialize({ model }) {
        live = follow(model);
        return () => live.end();
      },
      render({ el }) {
        el.classList.add("labkit", name);
        keepKeys(el);
        return keepDrawn(live, el, build(live, el));
      },
    };
  };
}

// -- words for numbers ---------------------------------------------------------------------------

const twoDigits = (number) => String(number).padStart(2, "0");

/** "14:03:22", with the day in front when that is not today. */
function clockText(millis, now = Date.now()) {
  const when = new Date(millis);
  const time = [when.getHours(), when.getMinutes(), when.getSeconds()].map(twoDigits).join(":");
  if (when.toDateString() === new Date(now).toDateString()) return time;
  const options = { day: "numeric", month: "short" };
  if (when.getFullYear() !== new Date(now).getFullYear()) options.year = "numeric";
  return `${when.toLocaleDateString(undefined, options)}, ${time}`;
}

/** "12 ms", "1.2 s", "48 s", "3 min 20 s", "2 h 5 min". */
function durationText(millis) {
  const seconds = Math.max(0, millis) / 1000;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  return coarseText(Math.round(seconds));
}

function coarseText(whole) {
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** "in 0:54", "in 7:03:10", "in 3 d 4 h"; "now" for what is due. */
function countdownText(millis) {
  const whole = Math.ceil(millis / 1000);
  if (whole <= 0) return "now";
  if (whole >= 86400) return `in ${coarseText(whole)}`;
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const rest = `${hours ? twoDigits(minutes) : minutes}:${twoDigits(whole % 60)}`;
  return `in ${hours ? `${hours}:` : ""}${rest}`;
}

const countText = (number) => number.toLocaleString("en-US");
