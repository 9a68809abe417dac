// The list: one table of one page of jobs. A row stays the same element as long as its job is shown.

const COLUMNS = ["State", "Job", "Queue", "When", "Took", "Note"];
const columnOf = (title) => `lk-${title.toLowerCase()}`;

/** The table's nodes; draw(view, now) brings them up to date, tick(now) its moving times. */
function makeTable(onOpen, actions) {
  const body = make("tbody");
  const caption = make("caption.lk-unseen");
  const heads = COLUMNS.map((title) => make(`th.${columnOf(title)}`, { scope: "col" }, title));
  if (actions) heads.unshift(actions.heads[0]), heads.push(actions.heads[1]);
  const table = make("table", caption, make("thead", make("tr", ...heads)), body);
  let tab;
  let isSameList;
  let rows = new Map();
  const keep = keyed(body, (id) => {
    const row = makeRow(id, onOpen, actions);
    row.element.classList.toggle("lk-new", isSameList);
    return row;
  });

  function draw(view, now) {
    setText(caption, view.title ?? "");
    isSameList = view.tab === tab;
    tab = view.tab;
    rows = keep(view.order ?? []);
    for (const [id, row] of rows) row.draw(view.rows[id], now, view);
  }

  return { table, draw, tick: (now) => rows.forEach((row) => row.tick(now)) };
}

function makeRow(id, onOpen, actions) {
  const badge = make("span.lk-state");
  const actor = make("b");
  const call = make("span.lk-call");
  const open = push("lk-open", undefined, actor, call);
  const cells = COLUMNS.map((title) => make(`td.${columnOf(title)}`));
  const [state, name, queue, when, took, note] = cells;
  state.append(badge);
  name.append(open);
  const element = make("tr", { onclick: () => onOpen(id, open) }, ...cells);
  const drawActions = actions?.dress(element, id);
  let job;

  function draw(next, now, view) {
    drawActions?.(next);
    const isOpen = view.job?.id === id;
    setAttribute(element, "data-open", isOpen || undefined);
    setAttribute(open, "aria-expanded", isOpen);
    if (next === job) return;
    job = next;
    if (setState(badge, job.state)) flash(element);
    element.dataset.state = job.state;
    setText(actor, job.actor);
    setText(call, `(${job.arguments})`);
    setAttribute(open, "title", callOf(job));
    setText(queue, job.queue);
    setAttribute(queue, "title", job.queue);
    const words = noteText(job);
    setText(note, words);
    setAttribute(note, "title", words || undefined);
    note.classList.toggle("lk-error", Boolean(job.error));
    tick(now);
  }

  function tick(now) {
    if (!job) return;
    const [text, title] = whenText(job, now);
    setText(when, text);
    setAttribute(when, "title", title);
    setText(took, tookText(job, now));
  }

  return { element, draw, tick };
}

/** A short glow on a row whose job has changed its state; the style sheet decides whether it moves. */
function flash(element) {
  element.classList.remove("lk-new", "lk-moved");
  void element.offsetWidth; // restarts the animation
  element.classList.add("lk-moved");
}

function whenText(job, now) {
  if (job.state === "scheduled" || job.state === "retrying") {
    return job.eta === undefined ? [""] : [countdownText(job.eta - now), `due ${clockText(job.eta, now)}`];
  }
  const moments = { enqueued: job.enqueued, running: job.started };
  const moment = moments[job.state] ?? job.finished ?? job.enqueued;
  return moment === undefined ? [""] : [clockText(moment, now), `${job.state} ${new Date(moment).toLocaleString()}`];
}

function tookText(job, now) {
  if (job.started === undefined) return "";
  if (job.state === "running") return sinceText(job.started, now);
  return job.finished === undefined ? "" : durationText(job.finished - job.started);
}

function noteText(job) {
  const attempt = job.state === "running" ? job.attempts + 1 : job.attempts;
  const parts = [job.waits, attempt > 1 && `attempt ${attempt}`, job.held && `prefetched by ${job.held}`];
  return [...parts, job.either && "running or prefetched", job.error].filter(Boolean).join(" · ");
}
