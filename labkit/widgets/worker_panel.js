// The worker panel: what the worker is, its buttons, its processes, and its window.

const ACTIONS = {
  start: ["Start", "starting", "Start a worker process"],
  quiet: ["Quiet", "quieting", "Let it finish what it runs, and take no more jobs"],
  resume: ["Go on", "resuming", "Let it take jobs again"],
  stop: ["Stop", "stopping", "Let it finish what it runs, then end (SIGTERM)"],
  kill: ["Kill −9", "killing", "End it at once, with whatever it is doing (SIGKILL)"],
};

function buildPanel(live, root) {
  let clicked;
  let asked = 0;
  const send = (kind) => {
    clicked = kind;
    asked = live.ask({ kind });
  };
  const buttons = Object.entries(ACTIONS).map(([kind, [word, , title]]) => {
    const press = () => (kind === "kill" ? question.show() : send(kind));
    const button = make(`button.lk-button.lk-${kind}`, { type: "button", title, onclick: press }, word);
    return [kind, button];
  });
  const question = makeQuestion(() => send("kill"), () => buttons.at(-1)[1]);
  const badge = makeState("none");
  const facts = make("span.lk-quiet");
  const problem = make("p.lk-problem", { role: "alert", hidden: true });
  const screen = make("div.lk-window", { role: "log", tabindex: "0", "aria-label": "The worker's window" });
  const bar = make("div.lk-bar", badge, facts, make("span.lk-buttons", ...buttons.map(([, button]) => button)));
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Worker");
  const [table, drawProcesses] = makeProcesses();
  root.replaceChildren(bar, question.box, problem, table, screen);
  const drawLines = makeLines(screen);

  let timer;
  const tick = () => {
    clearTimeout(timer);
    const { view } = live;
    if (!root.isConnected || view.state !== "running" || live.gone()) return;
    setText(facts, factsOf(view, live));
    drawProcesses(view, live);
    timer = setTimeout(tick, 1000 - (live.now() % 1000) + 5);
  };

  return () => {
    const { view } = live;
    const waits = live.pending(asked) ? clicked : undefined;
    const doing = view.doing ?? waits;
    const isRunning = view.state === "running";
    const isQuiet = isRunning && quiet(view);
    if (!isRunning) question.hide();
    for (const [kind, button] of buttons) {
      const isPending = kind === doing;
      setAttribute(button, "aria-busy", isPending || undefined);
      // A worker that takes its time to stop can still be killed.
      const isFree = !doing || (kind === "kill" && doing === "stop");
      const isUseful = kind === "start" ? !isRunning : isRunning;
      button.disabled = !isFree || !isUseful;
      if (kind === "quiet" || kind === "resume") swap(button, (kind === "resume") !== isQuiet, buttons);
      setText(button, isPending ? `${sentence(ACTIONS[kind][1])}…` : ACTIONS[kind][0]);
    }
    const [state, word] = stateOf(view, isQuiet);
    setState(badge, state);
    setText(badge.lastChild, word);
    const isLate = !view.doing && waits && live.late();
    const wait = live.gone() ? NO_KERNEL : "waiting for the kernel";
    setText(facts, isLate || live.gone() ? wait : factsOf(view, live));
    problem.hidden = !view.problem;
    setText(problem, view.problem ?? "");
    drawProcesses(view, live);
    drawLines(view.lines ?? {});
    tick();
  };
}

/** Whether all processes of the worker that run jobs take no more. */
function quiet(view) {
  const cards = Object.keys(view.processes ?? {}).flatMap((pid) => view.cards?.[pid] ?? []);
  return cards.length > 0 && cards.every((card) => card.quiet);
}

/** Quiet and Go on stand in one place; the focus stays there. */
function swap(button, isHidden, buttons) {
  if (button.hidden === isHidden) return;
  const hadFocus = isHidden && button === document.activeElement;
  button.hidden = isHidden;
  const other = buttons.find(([kind, one]) => one !== button && (kind === "quiet" || kind === "resume"))[1];
  if (hadFocus) setTimeout(() => other.focus());
}

/** What stands between a click on Kill and the kill. */
function makeQuestion(onYes, opener) {
  const hide = (toOpener) => {
    if (box.hidden) return;
    const hadFocus = box.contains(document.activeElement);
    box.hidden = true;
    if (toOpener === true || hadFocus) opener().focus();
  };
  const yes = push("lk-button.lk-kill", () => (hide(true), onYes()), "Yes, kill it");
  const no = push("lk-button", () => hide(true), "Cancel");
  const words = "It ends at once: what its threads run is cut off, and runs again once another worker has noticed.";
  const box = make("div.lk-question", { hidden: true, role: "alertdialog", "aria-label": "Kill the worker?" }, make("p", words), yes, no);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    hide(true);
  });
  const show = () => {
    box.hidden = false;
    no.focus();
  };
  return { box, show, hide };
}

function stateOf(view, isQuiet) {
  if (view.state === "running") return ["running", isQuiet ? "quiet" : "running"];
  if (view.state === "ended") return ["cancelled", "ended"];
  return ["cancelled", "no worker"];
}

function factsOf(view, live) {
  if (view.state !== "running") return view.state === "ended" ? `was process ${view.pid}` : "";
  return `process ${view.pid} · for ${sinceText(view.began, live.now())}`;
}

/** One row a process: which it is, its memory, its threads, and the jobs in them. */
function makeProcesses() {
  const rows = new Map();
  const body = make("tbody");
  const heads = ["Process", "Memory", "Threads", "Runs now"].map((word) => make("th", { scope: "col" }, word));
  const table = make("table", { "aria-label": "Processes of the worker", hidden: true }, make("thead", make("tr", ...heads)), body);

  function draw(view, live) {
    const processes = view.processes ?? {};
    for (const [pid, row] of rows) {
      if (pid in processes) continue;
      row.remove();
      rows.delete(pid);
    }
    table.hidden = !Object.keys(processes).length;
    for (const [pid, process] of Object.entries(processes)) {
      if (!rows.has(pid)) {
        const row = make("tr", make("th", { scope: "row" }), make("td"), make("td"), make("td"));
        rows.set(pid, body.appendChild(row));
      }
      const card = view.cards?.[pid];
      const cells = rows.get(pid).children;
      setText(cells[0], `${process.first ? "main" : card ? "worker" : "helper"} ${pid}`);
      setText(cells[1], `${process.memory} MiB`);
      setText(cells[2], card ? `${card.threads}` : "");
      drawWork(cells[3], workOf(process, card, Object.values(view.jobs?.[pid] ?? {}), live));
    }
  }
  return [table, draw];
}

/** What a process does now, as pairs: a call, which may be missing, and words. */
function workOf(process, card, jobs, live) {
  if (process.first) return [["", "starts the others, and watches over them"]];
  if (!card) return [["", "—"]];
  if (live.view.live === false) return [["", `not known since ${clockText(live.view.since)}`]];
  const works = jobs.map((job) => [callOf(job), `for ${sinceText(job.started, live.now())}`]);
  const idle = card.threads - works.length;
  if (works.length) return idle > 0 ? [...works, ["", `${idle} thread${idle === 1 ? "" : "s"} idle`]] : works;
  return [["", card.quiet ? "nothing, and fetches no more" : "nothing: it waits for jobs"]];
}

function drawWork(cell, works) {
  while (cell.children.length > works.length) cell.lastChild.remove();
  works.forEach(([call, words], index) => {
    const line = cell.children[index] ?? cell.appendChild(make("div", make("code"), make("span.lk-quiet")));
    line.title = call;
    setText(line.firstChild, call);
    setText(line.lastChild, words);
  });
}

/** The window's lines; it follows the last one, unless somebody has scrolled up to read. */
function makeLines(screen) {
  const shown = new Map();
  const empty = make("p.lk-quiet", "The worker's output appears here.");
  screen.append(empty);

  return function draw(lines) {
    const isAtEnd = screen.scrollHeight - screen.scrollTop - screen.clientHeight < 24;
    for (const [number, line] of shown) {
      if (number in lines) continue;
      line.element.remove();
      shown.delete(number);
    }
    const numbers = Object.keys(lines).sort((a, b) => a - b);
    empty.hidden = numbers.length > 0;
    for (const number of numbers) {
      let line = shown.get(number);
      if (!line) {
        line = { element: make("div"), pieces: undefined };
        shown.set(number, line);
      }
      if (line.pieces !== lines[number]) {
        line.pieces = lines[number];
        line.element.replaceChildren(...line.pieces.map(([look, text]) => makePiece(look, text)));
      }
    }
    const elements = numbers.map((number) => shown.get(number).element);
    elements.forEach((element, index) => {
      const before = index ? elements[index - 1] : empty;
      if (before.nextSibling !== element) before.after(element);
    });
    if (isAtEnd) screen.scrollTop = screen.scrollHeight;
  };
}

function makePiece(look, text) {
  const classes = look.split(" ").filter(Boolean).map((name) => `lk-is-${name}`);
  return classes.length ? make(["span", ...classes].join("."), text) : text;
}

export default widget("lk-worker", buildPanel);
