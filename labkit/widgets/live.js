// What labkit's widgets share on the page. Python joins the files of a widget into one module.
//
// follow() keeps the view that Python publishes, from numbered changes, and carries wishes back.

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

/** A module that comes as text. */
async function load(source) {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const module = await import(url);
  URL.revokeObjectURL(url);
  return module;
}

/** A widget's module: `build(live, element)` makes its nodes and returns how to draw them. Where the
 *  model brings another one along, that is `live.more`. */
function widget(name, build) {
  return () => {
    let live;
    return {
      async initialize({ model }) {
        live = follow(model);
        const more = model.get("_more");
        if (more) live.more = await load(more);
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
