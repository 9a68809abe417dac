// The board: tabs with the count of every state, the list of one, the opened job, and one line that
// says whether all this is true right now.

const TABS = ["recent", ...STATES];

const EMPTY = {
  recent: ["No jobs yet", "Send one, and watch it come in.", "task_logger.send(1)"],
  scheduled: ["Nothing is scheduled", "A job that is sent for later waits here.", "task_logger.send_in(timedelta(minutes=1), 1)"],
  enqueued: ["No job waits for a worker", "Send one: here it waits until a worker is free.", "task_logger.send(1)"],
  running: ["No job runs right now", "A worker's threads show here what they are doing.", ""],
  retrying: ["No job waits for another attempt", "A job that fails comes here, and is tried again later.", ""],
  completed: ["No job has completed", "Each job that ends well is listed here.", ""],
  dead: ["No dead jobs", "A job that has failed for good ends here, with its tracebacks.", ""],
  cancelled: ["No cancelled jobs", "A job that was taken away before it ran is listed here.", ""],
};

function buildBoard(live, root) {
  const name = `lk${Math.random().toString(36).slice(2, 8)}`;
  const tabs = makeTabs(name, (tab) => live.ask({ kind: "look", tab, offset: 0, ...search.kept() }), live);
  // A board that is for looking only has none.
  const actions = live.view.code ? makeActions(live) : undefined;
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
  const list = make("div", { class: "lk-list", role: "tabpanel", id: `${name}-list` }, table.table, empty.box);
  const foot = makeFoot(live);
  const aside = makeAside(live, root);
  foot.foot.insertBefore(aside.tools, foot.foot.lastChild);
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Job board");
  root.replaceChildren(tabs.list, aside.top, search.bar, actions?.bar ?? "", list, actions?.foot ?? "", foot.foot, aside.box, panel.panel);

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
    actions?.draw(view);
    tick();
  };
}

function makeTabs(name, onChoose, live) {
  let wanted;
  let asked = 0;
  const buttons = new Map();
  const list = make("div", { class: "lk-tabs", role: "tablist", "aria-label": "Jobs by state" });
  const choose = (tab) => {
    wanted = tab;
    asked = onChoose(tab);
  };
  for (const tab of TABS) {
    const count = make("span", { class: "lk-count" }, tab === "recent" ? "" : "–");
    const word = make("span", { class: "lk-word" }, makeShape(tab), sentence(tab));
    const button = make(
      "button",
      { type: "button", role: "tab", id: `${name}-${tab}`, "data-state": tab, "aria-controls": `${name}-list`, onclick: () => choose(tab) },
      count,
      word,
    );
    if (tab === "recent") count.append(makeShape("recent"));
    buttons.set(tab, { button, count });
    list.append(button);
  }
  list.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const at = TABS.findIndex((tab) => buttons.get(tab).button === document.activeElement);
    const last = TABS.length - 1;
    const next = Math.abs(step) > 1 ? (step > 0 ? last : 0) : (at + step + TABS.length) % TABS.length;
    buttons.get(TABS[next]).button.focus();
    choose(TABS[next]);
  });

  function draw(view) {
    const isPending = live.pending(asked);
    const chosen = isPending && wanted ? wanted : view.tab;
    for (const [tab, { button, count }] of buttons) {
      setAttribute(button, "aria-selected", tab === chosen);
      setAttribute(button, "tabindex", tab === chosen ? "0" : "-1");
      setAttribute(button, "aria-busy", (tab === chosen && isPending) || undefined);
      const number = view.counts?.[tab];
      count.classList.toggle("lk-unrecorded", Boolean(view.stock) && number === undefined);
      if (view.stock && number === undefined && tab !== "recent") setText(count, "not recorded");
      if (number === undefined) continue;
      setText(count, countText(number));
      button.classList.toggle("lk-none", number === 0);
    }
  }
  return { list, draw };
}

function makeEmpty() {
  const title = make("strong");
  const advice = make("span");
  const code = make("code");
  const box = make("div", { class: "lk-empty", hidden: true }, makeShape("enqueued"), title, advice, code);
  let drawn;
  function draw(view) {
    const isUnreached = view.live === false && !view.counts;
    box.hidden = !isUnreached && (!view.counts || view.order?.length > 0);
    const kind = isUnreached ? "dead" : view.tab;
    const [what, then, line] = isUnreached ? ["Redis does not answer", view.why, ""] : (emptyText(view) ?? EMPTY[kind] ?? EMPTY.recent);
    if (box.hidden || drawn === what + then) return;
    drawn = what + then;
    title.textContent = what;
    advice.textContent = then;
    code.textContent = line;
    code.hidden = !line || Boolean(view.place?.address);
    box.firstChild.replaceWith(makeShape(kind));
  }
  return { box, draw };
}

function makeFoot(live) {
  const words = make("span", { class: "lk-words" });
  const status = make("span", { class: "lk-status", role: "status" }, make("i", { class: "lk-dot" }), words);
  const hint = make("span", { class: "lk-hint" });
  const place = make("span", { class: "lk-place" });
  const range = make("span", { class: "lk-range" });
  const turn = (step) => () => {
    const { tab, offset, limit } = live.view;
    live.ask({ kind: "look", tab, offset: Math.max(0, offset + step * limit) });
  };
  const before = make("button", { type: "button", class: "lk-icon", onclick: turn(-1), "aria-label": "Previous page", title: "Previous page" }, "‹");
  const after = make("button", { type: "button", class: "lk-icon", onclick: turn(1), "aria-label": "Next page", title: "Next page" }, "›");
  const pager = make("span", { class: "lk-pager" }, range, before, after);
  const foot = make("div", { class: "lk-foot" }, status, hint, place, pager);

  function draw(view) {
    const [kind, text, title] = statusOf(view, live);
    foot.dataset.status = kind;
    setText(words, text);
    setAttribute(status, "title", title);
    setText(hint, live.gone() ? "run the cell again" : hintOf(view));
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
  if (view.live === false) {
    const words = view.counts ? `stale since ${clockText(view.since)}` : "not connected";
    return ["stale", words, view.why];
  }
  if (!view.counts) return ["pending", "connecting…"];
  if (view.past) return ["pending", "the past"];
  if (view.manual) return ["live", `as of ${clockText(view.clock)}`, "This page asks every two seconds while it can be seen."];
  if (live.late()) return ["pending", "waiting for the kernel", "The kernel is busy; it answers when its cell is done."];
  return ["live", "live"];
}

function hintOf(view) {
  if (view.live === false) return view.counts ? "Redis does not answer; trying again" : "trying again";
  if (view.stock) return "stock Dramatiq: running or prefetched cannot be told apart, completed is not recorded";
  if (view.place?.address || !view.counts) return "";
  if (view.unknown?.length) return `no worker knows ${view.unknown.join(", ")}: put it into work/app/jobs/`;
  const waiting = view.counts.enqueued + view.counts.scheduled + view.counts.retrying;
  if (waiting && view.workers === 0) return "no worker runs: start one, and it takes what waits";
  if (view.workers === 0) return "no worker";
  const of = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
  const prefetched = view.prefetched ? `, ${countText(view.prefetched)} prefetched` : "";
  return `${of(view.workers, "worker")}, ${of(view.threads, "thread")}${prefetched}`;
}

export default widget("lk-board", buildBoard);
