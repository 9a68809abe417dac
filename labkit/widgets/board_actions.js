// What can be done with jobs: in a row, in the opened job, for those selected, for all in the list;
// and with workers. Each action is also a line of Python, shown beside it and after it was done.
//
// A module of its own: a board that is for looking only does without.

SHAPES.delete = ["M2.5 4.25h11", "M6 4V2.25h4V4", "M4 4.5l.6 9.25h6.8L12 4.5", "M6.6 7v4M9.4 7v4"];
const ACTIONS = {
  run_now: ["Run now", "running"],
  reschedule: ["Move", "scheduled"],
  retry: ["Retry", "retrying"],
  cancel: ["Cancel", "cancelled"],
  delete: ["Delete", "delete"],
};
const WORKER_ACTIONS = { quiet: ["Quiet"], resume: ["Go on"], stop: ["Stop"], kill: ["Kill −9"] };
const wordOf = (action) => (ACTIONS[action] ?? WORKER_ACTIONS[action])[0];
/** What takes a time, or cuts off what runs: asked about also where it is for one. */
const ASKED_ABOUT = ["reschedule", "kill"];
const WAITS = ["run_now", "reschedule", "cancel"];
const FITTING = { scheduled: WAITS, retrying: WAITS, enqueued: ["cancel"], dead: ["retry", "delete"], completed: ["delete"], cancelled: ["delete"] };
const fitting = (state) => FITTING[state] ?? [];

/** The bar and the question over the list, and what belongs into each row and the opened job.
 *  A choice is what an action is for: {ids}, {worker}, or all in a list, {state, search}. */
function makeActions(live, root) {
  const selected = new Map(); // id -> the state it was last seen in
  const wishes = new Map(); // "action id" -> the number that was asked with it
  const isBusy = (wish) => (wishes.get(wish) ?? 0) > (live.view.acted?.[live.page] ?? 0);
  const question = makeQuestion(live, send);
  const said = makeSaid(live, () => [...wishes.keys()].some(isBusy));
  const words = make("span.lk-chosen");
  const clear = push("lk-act", () => choose([], false), "None");
  const buttons = Object.keys(ACTIONS).map((action) => [action, makeButton(action, "lk-act", () => start(action, choiceOf(action)))]);
  const bar = group("lk-acts", "Actions", words, ...buttons.map(([, button]) => button), clear, said.box, question.box);
  const all = make("input", { type: "checkbox", "aria-label": "Select all jobs of this page", onchange: () => choose(live.view.order ?? [], all.checked) });
  let tab;

  function send(action, choice, when) {
    const wish = `${action} ${choice.ids ?? choice.worker ?? ""}`;
    if (isBusy(wish)) return;
    wishes.set(wish, live.ask({ kind: "act", action, ...choice, when }));
    if (choice.ids?.length > 1) selected.clear();
    live.redraw();
  }

  // One that is disabled would lose the focus.
  const isActing = (view) => Boolean(view.acting?.total);

  function start(action, choice, job) {
    if (isActing(live.view)) return;
    const isOne = choice.ids?.length === 1 || choice.worker;
    if (isOne && !ASKED_ABOUT.includes(action)) send(action, choice);
    else question.open(action, choice, job);
  }

  function choose(ids, isChosen) {
    if (!ids.length) selected.clear();
    for (const id of ids) {
      if (isChosen) selected.set(id, live.view.rows?.[id]?.state);
      else selected.delete(id);
    }
    live.redraw();
  }

  /** Those selected that the action fits; or, with none selected, all in the list. */
  function choiceOf(action) {
    if (!selected.size) return { state: live.view.tab, search: live.view.search?.text };
    return { ids: [...selected].filter(([, state]) => fitting(state).includes(action)).map(([id]) => id) };
  }

  /** A button for one job or one worker. */
  function makeOne(action, name, choice, job) {
    const button = makeButton(action, name, (event) => {
      event.stopPropagation();
      start(action, choice, job);
    });
    button.dataset.wish = `${action} ${choice.ids ?? choice.worker}`;
    button.dataset.name = action;
    button.title = `${wordOf(action)}: ${lineOf(live.view.code, action, choice)}`;
    return button;
  }

  const makeButtons = (job, name) => fitting(job.state).map((action) => makeOne(action, name, { ids: [job.id] }, job));

  /** Fill a cell with buttons whenever `key` has changed; says whether one of them had the focus. */
  function refill(cell, key, makeNew, what) {
    if (cell.dataset.key === key) return false;
    const hadFocus = cell.contains(document.activeElement);
    cell.dataset.key = key;
    cell.replaceChildren(...makeNew());
    for (const button of cell.children) button.setAttribute("aria-label", `${wordOf(button.dataset.name)} ${what}`);
    return hadFocus;
  }

  /** A box in front of a row, and its buttons at the end. */
  function dress(element, id) {
    const box = make("input", { type: "checkbox", onchange: () => choose([id], box.checked) });
    const cell = make("td.lk-do");
    element.prepend(make("td.lk-check", { onclick: (event) => event.stopPropagation() }, box));
    element.append(cell);
    return (job) => {
      box.checked = selected.has(id);
      if (box.checked) selected.set(id, job.state);
      setAttribute(box, "aria-label", `Select ${callOf(job)}`);
      if (refill(cell, job.state, () => makeButtons(job, "lk-icon"), callOf(job))) element.querySelector(".lk-open").focus();
    };
  }

  /** A worker's buttons; one that runs elsewhere can only be quieted. */
  function dressWorker(cell) {
    return ({ address, quiet, here }) => {
      const fit = [quiet ? "resume" : "quiet", ...(here ? ["stop", "kill"] : [])];
      const makeNew = () => fit.map((action) => makeOne(action, "lk-small", { worker: address }));
      if (refill(cell, fit.join(), makeNew, address)) cell.firstChild.focus();
    };
  }

  /** For the opened job: each button with its line of Python. */
  function forJob(job) {
    const lines = makeButtons(job, "lk-act").map((button) => {
      const line = lineOf(live.view.code, button.dataset.name, { ids: [job.id] });
      return make("div.lk-deed", button, ...makeCode(line));
    });
    return make("div.lk-deeds", ...lines);
  }

  /** Before the table is drawn; what it returns is for afterwards: a focus whose row has gone goes on. */
  function keepFocus(table) {
    const row = document.activeElement?.closest("tbody tr");
    const index = table.contains(row) ? [...row.parentNode.children].indexOf(row) : -1;
    return () => {
      if (index < 0 || row.isConnected) return;
      const rows = table.querySelectorAll("tbody tr");
      (rows[Math.min(index, rows.length - 1)]?.querySelector(".lk-open") ?? said.box).focus();
    };
  }

  function draw(view) {
    if (tab !== view.tab) selected.clear();
    tab = view.tab;
    for (const wish of wishes.keys()) if (!isBusy(wish)) wishes.delete(wish);
    const { order = [] } = view;
    const here = order.filter((id) => selected.has(id)).length;
    all.checked = here > 0 && here === order.length;
    all.indeterminate = here > 0 && !all.checked;
    const total = selected.size || (tab === "recent" ? 0 : (view.total ?? 0));
    for (const [action, button] of buttons) {
      const { ids } = choiceOf(action);
      const count = ids ? ids.length : fitting(tab).includes(action) ? total : 0;
      if (!count && document.activeElement === button) said.box.focus();
      button.hidden = !count;
      const asks = ids?.length === 1 && !ASKED_ABOUT.includes(action) ? "" : "…";
      setText(button.lastChild, `${wordOf(action)}${ids ? ` ${countText(count)}` : ""}${asks}`);
      setAttribute(button, "aria-label", ids ? undefined : `${wordOf(action)}… all ${countText(count)}`);
      setAttribute(button, "aria-disabled", isActing(view));
    }
    clear.hidden = !selected.size;
    setText(words, selected.size ? `${countText(selected.size)} selected:` : total && fitting(tab).length ? `All ${countText(total)}:` : "Select jobs to act on them");
    for (const button of root.querySelectorAll("[data-wish]")) setAttribute(button, "aria-busy", isBusy(button.dataset.wish) || undefined);
    question.draw(view);
    said.draw(view);
  }

  const heads = [make("th.lk-check", { scope: "col" }, all), make("th.lk-do", { scope: "col" }, "Actions")];
  return { bar, heads, dress, dressWorker, forJob, keepFocus, draw };
}

function makeButton(action, name, onclick) {
  const shape = ACTIONS[action]?.[1];
  const text = name === "lk-icon" ? undefined : make("span", wordOf(action));
  return push(shape ? `${name}.lk-${action}` : name, onclick, shape && makeShape(shape), text);
}

/** The line of Python that does the same; for all in a list the kernel knows it. */
function lineOf(code, action, { ids, worker }, when) {
  if (action === "resume") return `${code}.quiet(${JSON.stringify(worker)}, quiet=False)`;
  const time = when === undefined ? "when" : `datetime.fromisoformat("${new Date(when).toISOString()}")`;
  const values = action === "reschedule" ? [time] : [];
  if (!(ids?.length > 1)) return `${code}.${action}(${[JSON.stringify(worker ?? ids[0]), ...values].join(", ")})`;
  return `${code}.select(ids=[${ids.map((id) => JSON.stringify(id)).join(", ")}]).${action}(${values})`;
}

/** A line of Python and a button that copies it. */
function makeCode(line = "") {
  const code = make("code.lk-python", line);
  const press = async () => {
    // Without a clipboard it can be copied by hand.
    getSelection().selectAllChildren(code);
    await navigator.clipboard.writeText(code.textContent);
    setText(copy, "Copied");
    setTimeout(() => setText(copy, "Copy"), 1500);
  };
  const copy = push("lk-act.lk-copy", () => press().catch(() => {}), "Copy");
  return [code, copy];
}

/** Asks before many jobs are acted on, and what ASKED_ABOUT names. Enter does it, Escape does not. */
function makeQuestion(live, onYes) {
  const title = make("strong", { id: `lk${Math.random().toString(36).slice(2, 8)}` });
  const when = make("input.lk-input", { type: "datetime-local", step: "1", "aria-label": "New time", oninput: () => draw(live.view) });
  const [code, copy] = makeCode();
  const yes = push("lk-act.lk-yes", answer);
  const no = push("lk-act", close);
  const deed = make("div.lk-deed", code, copy);
  const box = make("div.lk-question", { role: "dialog", "aria-labelledby": title.id, hidden: true }, title, when, deed, make("div.lk-answers", yes, no));
  let asked;
  let opener;

  const timeOf = () => (asked.action === "reschedule" ? new Date(when.value).getTime() : undefined);
  function open(action, choice, job) {
    asked = { action, choice, total: choice.worker ? 1 : choice.ids?.length };
    if (choice.state) asked.number = live.ask({ kind: "count", action, ...choice });
    opener = document.activeElement;
    when.hidden = action !== "reschedule";
    const time = new Date(job?.eta ?? Date.now() + 300_000);
    when.value = new Date(time - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
    box.hidden = false;
    draw(live.view);
    (when.hidden ? yes : when).focus();
    box.scrollIntoView({ block: "nearest" });
  }
  function close() {
    asked = undefined;
    box.hidden = true;
    if (opener?.isConnected && !opener.hidden) opener.focus();
    else box.previousElementSibling.focus();
  }
  function answer() {
    const time = timeOf();
    if (asked.total === undefined || Number.isNaN(time)) return;
    const { action, choice } = asked;
    close();
    onYes(action, choice, time);
  }
  function titleOf({ action, choice: { ids, worker, state, search }, total }) {
    if (worker) return `Kill ${worker}? What it runs is cut off, and runs again.`;
    if (ids?.length === 1) return "Move the job to another time";
    const jobs = `${wordOf(action)} ${ids ? "" : "all "}${total === undefined ? "…" : countText(total)} ${ids ? "selected" : state} job${total === 1 ? "" : "s"}`;
    const wait = live.late() ? " Waiting for the kernel." : " Counting.";
    return `${jobs}${search ? ` that match “${search}”` : ""}?${total === undefined ? wait : ""}`;
  }
  function draw({ counted = {}, code: ledger }) {
    if (!asked) return;
    const [page, number] = counted.ask ?? [];
    if (page === live.page && number === asked.number) Object.assign(asked, { total: counted.total, line: counted.line });
    const { action, choice, total } = asked;
    setText(title, titleOf(asked));
    setText(yes, total > 1 ? `${wordOf(action)} ${countText(total)}` : wordOf(action));
    setText(no, total > 1 ? "Leave them" : "Leave it");
    setAttribute(yes, "aria-disabled", total === undefined);
    const time = timeOf();
    setText(code, choice.state ? (asked.line ?? "") : lineOf(ledger, action, choice, Number.isNaN(time) ? undefined : time));
  }
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" && !(event.key === "Enter" && event.target === when)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") close();
    else answer();
  });
  return { box, open, draw };
}

/** How far an action on many jobs is, with its Stop; else what came of the last, and its line. */
function makeSaid(live, isWaiting) {
  const words = make("span.lk-outcome", { role: "status" });
  const bar = make("progress", { "aria-label": "Jobs done" });
  const far = make("span.lk-quiet");
  const stop = push("lk-act", () => live.ask({ kind: "stop" }));
  const going = make("span.lk-going", bar, far, stop);
  const python = make("span.lk-deed", ...makeCode());
  const box = make("div.lk-said", { tabindex: "-1" }, words, going, python);
  let drawn;

  function draw({ acting = {}, said = {} }) {
    const isGoing = acting.total > 0;
    if (!isGoing && going.contains(document.activeElement)) box.focus();
    going.hidden = !isGoing;
    python.hidden = isGoing || !said.line;
    if (isGoing) {
      bar.max = acting.total;
      bar.value = acting.done;
      setText(far, `${countText(acting.done)} of ${countText(acting.total)}`);
      setText(stop, acting.stopping ? "Stopping…" : "Stop");
    }
    setText(python.firstChild, said.line ?? "");
    python.title = said.line ?? "";
    const isLate = isWaiting() && live.late();
    const wait = live.gone() ? NO_KERNEL : "Pending: it is done when the kernel's cell is.";
    const text = isLate ? wait : isGoing ? `${wordOf(acting.action)}: under way` : (said.text ?? "");
    if (drawn === `${said.number} ${text}`) return;
    drawn = `${said.number} ${text}`;
    const shape = isLate || isGoing ? "running" : said.failed ? "dead" : "completed";
    words.dataset.state = shape;
    words.title = text;
    words.replaceChildren(...(text ? [makeShape(shape), make("span", text)] : []));
  }
  return { box, draw };
}

export { makeActions };
