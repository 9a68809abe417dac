// The board: tabs with the count of every state, the list of one, the opened job, and one line that
// says whether all this is true right now.

const TABS = ["recent", ...STATES];

function buildBoard(live, root) {
  const name = `lk${Math.random().toString(36).slice(2, 8)}`;
  const tabs = makeTabs(name, (tab) => live.ask({ kind: "look", tab, offset: 0, ...search.kept() }), live);
  // A board that is for looking only has none.
  const actions = live.more?.makeActions(live, root);
  let opener;
  const table = makeTable((job, button) => {
    const isOpen = live.view.job?.id === job;
    opener = button;
    // An opened job is as it is now: that ends the past.
    live.ask({ kind: "look", job: isOpen ? "" : job, ...(live.view.past && { back: null }) });
  }, actions);
  const panel = makeJobPanel(() => {
    live.ask({ kind: "look", job: "" });
    if (opener?.isConnected) opener.focus();
  }, actions);
  const empty = makeEmpty();
  const search = makeSearch(live);
  const list = make("div.lk-list", { role: "tabpanel", id: `${name}-list` }, table.table, empty.box);
  const aside = makeAside(live, root, actions);
  const foot = makeFoot(live, aside.tools);
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Job board");
  root.replaceChildren(tabs.list, aside.top, search.bar, actions?.bar ?? "", list, foot.foot, aside.box, panel.panel);

  const askOn = keepAsking(live, root);
  let timer;
  const tick = () => {
    clearTimeout(timer);
    if (!root.isConnected) return;
    const now = live.now();
    table.tick(now);
    panel.tick(now);
    aside.draw(live.view, now);
    // Counted times turn over together, on the second.
    timer = setTimeout(tick, 1000 - (now % 1000) + 5);
  };

  return () => {
    const { view } = live;
    const now = live.now();
    tabs.draw(view);
    setAttribute(list, "aria-labelledby", `${name}-${view.tab}`);
    list.style.setProperty("--lk-rows", view.limit ?? 10);
    root.classList.toggle("lk-stale", view.live === false);
    root.classList.toggle("lk-pending", live.late());
    search.draw(view);
    const keepFocus = actions?.keepFocus(table.table);
    table.draw(view, now);
    keepFocus?.();
    empty.draw(view);
    foot.draw(view);
    panel.draw(view, now);
    askOn(view);
    tick();
    actions?.draw(view);
  };
}

function makeTabs(name, onChoose, live) {
  let wanted;
  let asked = 0;
  const buttons = new Map();
  const list = make("div.lk-tabs", { role: "tablist", "aria-label": "Jobs by state" });
  const choose = (tab) => {
    wanted = tab;
    asked = onChoose(tab);
  };
  for (const tab of TABS) {
    const count = make("span.lk-count", tab === "recent" ? makeShape(tab) : "–");
    const word = make("span.lk-word", makeShape(tab), sentence(tab));
    const about = { type: "button", role: "tab", id: `${name}-${tab}`, "data-state": tab, "aria-controls": `${name}-list` };
    const button = make("button", { ...about, onclick: () => choose(tab) }, count, word);
    buttons.set(tab, { button, count });
    list.append(button);
  }
  list.addEventListener("keydown", (event) => {
    const all = [...list.children];
    const at = all.indexOf(document.activeElement);
    const next = { ArrowLeft: at - 1, ArrowRight: (at + 1) % all.length, Home: 0, End: -1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    all.at(next).focus();
    choose(TABS.at(next));
  });

  function draw(view) {
    const isPending = live.pending(asked);
    const chosen = isPending && wanted ? wanted : view.tab;
    for (const [tab, { button, count }] of buttons) {
      setAttribute(button, "aria-selected", tab === chosen);
      setAttribute(button, "tabindex", tab === chosen ? "0" : "-1");
      setAttribute(button, "aria-busy", (tab === chosen && isPending) || undefined);
      if (tab === "recent") continue;
      const number = view.counts?.[tab];
      const isUnrecorded = Boolean(view.stock) && number === undefined;
      count.classList.toggle("lk-unrecorded", isUnrecorded);
      if (isUnrecorded) setText(count, "not recorded");
      if (number === undefined) continue;
      setText(count, countText(number));
      button.classList.toggle("lk-none", number === 0);
    }
  }
  return { list, draw };
}

/** What stands in place of rows: what is so, what to do, and a line of Python for it. */
function makeEmpty() {
  const parts = [make("strong"), make("span"), make("code")];
  const box = make("div.lk-empty", makeShape("enqueued"), ...parts);
  let drawn;
  function draw(view) {
    const isUnreached = view.live === false && !view.counts;
    const words = isUnreached ? ["Redis does not answer", view.why, ""] : view.empty;
    box.hidden = !words;
    if (!words || drawn === String(words)) return;
    drawn = String(words);
    parts.forEach((part, index) => setText(part, words[index]));
    parts[2].hidden = !words[2];
    box.firstChild.replaceWith(makeShape(isUnreached ? "dead" : view.tab));
  }
  return { box, draw };
}

function makeFoot(live, tools) {
  const words = make("span.lk-words");
  const status = make("span.lk-status", { role: "status" }, make("i.lk-dot"), words);
  const hint = make("span.lk-hint");
  const place = make("span.lk-place");
  const range = make("span.lk-range");
  const turn = (name, text, step) => {
    const press = () => {
      const { tab, offset, limit } = live.view;
      live.ask({ kind: "look", tab, offset: Math.max(0, offset + step * limit) });
    };
    const button = push("lk-icon", press, text);
    button.setAttribute("aria-label", name);
    button.title = name;
    return button;
  };
  const before = turn("Previous page", "‹", -1);
  const after = turn("Next page", "›", 1);
  const pager = make("span.lk-pager", range, before, after);
  const foot = make("div.lk-foot", status, hint, place, tools, pager);

  function draw(view) {
    const [kind, text, title] = statusOf(view, live);
    foot.dataset.status = kind;
    setText(words, text);
    setAttribute(status, "title", title);
    const advice = view.live === false ? "Redis does not answer: trying again" : (view.hint ?? "");
    setText(hint, live.gone() ? "run the cell again" : advice);
    setAttribute(hint, "title", hint.textContent);
    setText(place, [view.place?.address, view.place?.namespace].filter(Boolean).join(" · "));
    const { offset = 0, total = 0, order = [], tab } = view;
    const more = view.search && !view.search.done ? "+" : "";
    const isPaged = (tab !== "recent" || view.search) && total > (view.limit ?? 10);
    pager.classList.toggle("lk-unused", !isPaged);
    setText(range, isPaged ? `${countText(offset + 1)}–${countText(offset + order.length)} of ${countText(total)}${more}` : "");
    before.disabled = offset === 0;
    after.disabled = offset + order.length >= total;
  }
  return { foot, draw };
}

function statusOf(view, live) {
  if (live.gone()) return ["stale", "no kernel", "What is shown is the last that it said."];
  if (view.live === false) return ["stale", view.counts ? `stale since ${clockText(view.since)}` : "not connected", view.why];
  if (!view.counts) return ["pending", "connecting…"];
  if (view.past) return ["pending", "the past"];
  if (view.manual) return ["live", `as of ${clockText(view.clock)}`, "This page asks every two seconds while it can be seen."];
  if (live.late()) return ["pending", "waiting for the kernel", "The kernel is busy; it answers when its cell is done."];
  return ["live", "live"];
}

export default widget("lk-board", buildBoard);
