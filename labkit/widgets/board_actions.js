// What can be done with jobs: in a row, in the opened job, for those selected, for all in the list.
// Each action is also a line of Python, shown beside its button and after it was done.

SHAPES.delete = ["M2.5 4.25h11", "M6 4V2.25h4V4", "M4 4.5l.6 9.25h6.8L12 4.5", "M6.6 7v4M9.4 7v4"];
const ACTIONS = {
  run_now: ["Run now", "running"],
  reschedule: ["Move", "scheduled"],
  retry: ["Retry", "retrying"],
  cancel: ["Cancel", "cancelled"],
  delete: ["Delete", "delete"],
};
const WAITS = ["run_now", "reschedule", "cancel"];
const OVER = ["delete"];
const FITTING = { scheduled: WAITS, retrying: WAITS, enqueued: ["cancel"], dead: ["retry", "delete"], completed: OVER, cancelled: OVER };
const fitting = (state) => FITTING[state] ?? [];

/** The bar and the question over the list, and what belongs into each row and the opened job. */
function makeActions(live) {
  const selected = new Map(); // id -> the state it was last seen in
  const wishes = new Map(); // "action id" -> the number that was asked with it
  const isBusy = (wish) => (wishes.get(wish) ?? 0) > (live.view.acted?.[live.page] ?? 0);
  const question = makeQuestion(live, send);
  const said = makeSaid(live, () => [...wishes.keys()].some(isBusy));
  const words = make("span", { class: "lk-chosen" });
  const clear = makePush("lk-act", () => choose([], false), "None");
  const buttons = Object.keys(ACTIONS).map((action) => [action, makeButton(action, "lk-act", () => start(action))]);
  const bar = make("div", { class: "lk-acts", role: "group", "aria-label": "Actions" }, words, ...buttons.map(([, button]) => button), clear);
  const all = make("input", { type: "checkbox", "aria-label": "Select all jobs of this page" });
  all.addEventListener("change", () => choose(live.view.order ?? [], all.checked));
  let tab;

  function send(action, choice, when) {
    const wish = `${action} ${choice.ids ?? ""}`;
    if (isBusy(wish)) return;
    wishes.set(wish, live.ask({ kind: "act", action, ...choice, when }));
    if (choice.ids?.length > 1) selected.clear();
    live.redraw();
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

  function start(action) {
    const choice = choiceOf(action);
    if (choice.ids?.length === 1 && action !== "reschedule") send(action, choice);
    else question.open(action, choice);
  }

  function startOne(action, id) {
    if (action === "reschedule") question.open(action, { ids: [id] }, live.view.rows?.[id] ?? live.view.job);
    else send(action, { ids: [id] });
  }

  function makeButtons(job, name) {
    return fitting(job.state).map((action) => {
      const button = makeButton(action, name, (event) => {
        event.stopPropagation();
        startOne(action, job.id);
      });
      button.dataset.wish = `${action} ${job.id}`;
      button.dataset.name = action;
      button.title = `${ACTIONS[action][0]}: ${lineOf(live.view.code, action, { ids: [job.id] })}`;
      return button;
    });
  }

  /** A box in front of a row, and its buttons at the end. */
  function dress(element, id) {
    const box = make("input", { type: "checkbox" });
    const check = make("td", { class: "lk-check", onclick: (event) => event.stopPropagation() }, box);
    const cell = make("td", { class: "lk-do" });
    element.prepend(check);
    element.append(cell);
    box.addEventListener("change", () => choose([id], box.checked));
    let drawn;
    return (job) => {
      box.checked = selected.has(id);
      if (box.checked) selected.set(id, job.state);
      const call = `${job.actor}(${job.arguments})`;
      setAttribute(box, "aria-label", `Select ${call}`);
      if (drawn === job.state) return;
      drawn = job.state;
      const hadFocus = cell.contains(document.activeElement);
      cell.replaceChildren(...makeButtons({ ...job, id }, "lk-icon"));
      for (const button of cell.children) button.setAttribute("aria-label", `${ACTIONS[button.dataset.name][0]} ${call}`);
      if (hadFocus) element.querySelector(".lk-open").focus();
    };
  }

  /** For the opened job: each button with its line of Python. */
  function forJob(job) {
    const lines = makeButtons(job, "lk-act").map((button) => {
      const line = lineOf(live.view.code, button.dataset.name, { ids: [job.id] });
      return make("div", { class: "lk-deed" }, button, ...makeCode(line));
    });
    return make("div", { class: "lk-deeds" }, ...lines);
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
    const total = selected.size || (view.tab === "recent" ? 0 : (view.total ?? 0));
    for (const [action, button] of buttons) {
      const { ids, state } = choiceOf(action);
      const count = ids ? ids.length : fitting(state).includes(action) ? total : 0;
      if (!count && document.activeElement === button) said.box.focus();
      button.hidden = !count;
      const asks = ids?.length === 1 && action !== "reschedule" ? "" : "…";
      setText(button.lastChild, `${ACTIONS[action][0]}${ids ? ` ${countText(count)}` : ""}${asks}`);
      setAttribute(button, "aria-label", ids ? undefined : `${ACTIONS[action][0]}… all ${countText(count)}`);
      button.disabled = Boolean(view.acting?.total);
    }
    clear.hidden = !selected.size;
    setText(words, selected.size ? `${countText(selected.size)} selected:` : total && fitting(view.tab).length ? `All ${countText(total)}:` : "Select jobs to act on them");
    for (const button of bar.getRootNode().querySelectorAll?.("[data-wish]") ?? []) {
      setAttribute(button, "aria-busy", isBusy(button.dataset.wish) || undefined);
    }
    question.draw(view);
    said.draw(view);
  }

  const heads = [make("th", { scope: "col", class: "lk-check" }, all), make("th", { scope: "col", class: "lk-do" }, "Actions")];
  const foot = make("div", { class: "lk-after" }, said.box, question.box);
  return { bar, foot, heads, dress, forJob, keepFocus, draw };
}

function makeButton(action, name, onclick) {
  const [word, shape] = ACTIONS[action];
  const text = name === "lk-icon" ? undefined : make("span", {}, word);
  return makePush(`${name} lk-${action}`, onclick, makeShape(shape), text);
}

const makePush = (name, onclick, ...children) => make("button", { type: "button", class: name, onclick }, ...children);

/** The line of Python that does the same. */
function lineOf(code, action, { ids, state, search }, when) {
  const time = when === undefined ? "" : `datetime.fromisoformat("${new Date(when).toISOString()}")`;
  const quoted = (ids ?? []).map((id) => JSON.stringify(id));
  if (quoted.length === 1) return `${code}.${action}(${[quoted[0], time || (action === "reschedule" ? "when" : "")].filter(Boolean).join(", ")})`;
  const names = [...(search ?? "").matchAll(/(queue|actor):("[^"]*"|\S+)/g)].map(([, name, value]) => `${name}=${JSON.stringify(value.replaceAll('"', ""))}`);
  const chosen = quoted.length ? `ids=[${quoted.join(", ")}]` : [JSON.stringify(state), ...names].join(", ");
  return `${code}.select(${chosen}).${action}(${time})`;
}

/** A line of Python and a button that copies it. */
function makeCode(line = "") {
  const code = make("code", { class: "lk-python" }, line);
  const press = async () => {
    // Without a clipboard it can be copied by hand.
    getSelection().selectAllChildren(code);
    await navigator.clipboard.writeText(code.textContent);
    setText(copy, "Copied");
    setTimeout(() => setText(copy, "Copy"), 1500);
  };
  const copy = makePush("lk-act lk-copy", () => press().catch(() => {}), "Copy");
  return [code, copy];
}

/** Asks before many jobs are acted on, and when one is to be moved. Enter does it, Escape does not. */
function makeQuestion(live, onYes) {
  const title = make("strong", { id: `lk${Math.random().toString(36).slice(2, 8)}` });
  const when = make("input", { type: "datetime-local", step: "1", class: "lk-input", "aria-label": "New time" });
  const [code, copy] = makeCode();
  const yes = makePush("lk-act lk-yes", answer);
  const no = makePush("lk-act", close);
  const box = make("div", { class: "lk-question", role: "dialog", "aria-labelledby": title.id, hidden: true }, title, when, make("div", { class: "lk-deed" }, code, copy), make("div", { class: "lk-answers" }, yes, no));
  let asked;
  let opener;

  const timeOf = () => (asked.action === "reschedule" ? new Date(when.value).getTime() : undefined);
  function open(action, choice, job) {
    asked = { action, choice, total: choice.ids?.length };
    if (!choice.ids) asked.number = live.ask({ kind: "count", action, ...choice });
    opener = document.activeElement;
    when.hidden = action !== "reschedule";
    const time = new Date(job?.eta ?? Date.now() + 300_000);
    when.value = new Date(time - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
    box.hidden = false;
    draw(live.view);
    (when.hidden ? yes : when).focus();
  }
  function close() {
    asked = undefined;
    box.hidden = true;
    if (opener?.isConnected && !opener.hidden) opener.focus();
    else box.parentNode.querySelector(".lk-said").focus();
  }
  function answer() {
    const time = timeOf();
    if (asked.total === undefined || Number.isNaN(time)) return;
    const { action, choice } = asked;
    close();
    onYes(action, choice, time);
  }
  function draw(view) {
    if (!asked) return;
    const [page, number] = view.counted?.ask ?? [];
    if (page === live.page && number === asked.number) asked.total = view.counted.total;
    const { action, choice, total } = asked;
    const word = ACTIONS[action][0];
    const jobs = `${total === undefined ? "…" : countText(total)} ${choice.ids ? "selected " : `${choice.state} `}job${total === 1 ? "" : "s"}`;
    const wait = live.late() ? " Waiting for the kernel." : " Counting.";
    const only = choice.search ? ` that match “${choice.search}”` : "";
    setText(title, choice.ids?.length === 1 ? "Move the job to another time" : `${word} ${choice.ids ? "" : "all "}${jobs}${only}?${total === undefined ? wait : ""}`);
    setText(yes, total > 1 ? `${word} ${countText(total)}` : word);
    setText(no, total === 1 ? "Leave it" : "Leave them");
    setAttribute(yes, "aria-disabled", total === undefined);
    const time = timeOf();
    setText(code, lineOf(view.code, action, choice, Number.isNaN(time) ? undefined : time));
  }
  when.addEventListener("input", () => draw(live.view));
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
  const words = make("span", { role: "status", class: "lk-outcome" });
  const bar = make("progress", { "aria-label": "Jobs done" });
  const far = make("span", { class: "lk-quiet" });
  const stop = makePush("lk-act", () => live.ask({ kind: "stop" }));
  const going = make("span", { class: "lk-going", hidden: true }, bar, far, stop);
  const python = make("span", { class: "lk-deed", hidden: true }, ...makeCode());
  const box = make("div", { class: "lk-said", tabindex: "-1" }, words, going, python);
  let drawn;

  function draw(view) {
    const { acting = {}, said = {} } = view;
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
    const isLate = isWaiting() && live.late();
    const wait = live.gone() ? NO_KERNEL : "Pending: it is done when the kernel's cell is.";
    const text = isLate ? wait : isGoing ? `${ACTIONS[acting.action][0]}: under way` : (said.text ?? "");
    if (drawn === `${said.number} ${text}`) return;
    drawn = `${said.number} ${text}`;
    const shape = isLate || isGoing ? "running" : said.failed ? "dead" : "completed";
    words.dataset.state = shape;
    words.replaceChildren(...(text ? [makeShape(shape), make("span", {}, text)] : []));
  }
  return { box, draw };
}
