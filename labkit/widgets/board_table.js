// The list: one table of one page of jobs. A row stays the same element as long as its job is shown.

const COLUMNS = [
  ["state", "State"],
  ["job", "Job"],
  ["queue", "Queue"],
  ["when", "When"],
  ["took", "Took"],
  ["note", "Note"],
];

/** The table's nodes; draw(view, now) brings them up to date, tick(now) its moving times. */
function makeTable(onOpen, actions) {
  const body = make("tbody");
  const caption = make("caption", { class: "lk-unseen" });
  const heads = COLUMNS.map(([name, title]) => make("th", { scope: "col", class: `lk-${name}` }, title));
  if (actions) heads.unshift(actions.heads[0]), heads.push(actions.heads[1]);
  const table = make("table", {}, caption, make("thead", {}, make("tr", {}, ...heads)), body);
  const rows = new Map();
  let drawnTab;

  function draw(view, now) {
    const { order = [], rows: jobs = {}, tab } = view;
    setText(caption, view.search ? `Jobs found for ${view.search.text}` : tab === "recent" ? "The jobs that changed last" : `Jobs ${tab}`);
    const isSameList = tab === drawnTab;
    drawnTab = tab;
    for (const [id, row] of rows) {
      if (jobs[id]) continue;
      row.element.remove();
      rows.delete(id);
    }
    let place = body.firstChild;
    for (const id of order) {
      let row = rows.get(id);
      if (!row) {
        row = makeRow(id, onOpen, actions);
        row.element.classList.toggle("lk-new", isSameList);
        rows.set(id, row);
      }
      // Moving a row that is in its place already would take the focus out of it.
      if (row.element === place) place = place.nextSibling;
      else body.insertBefore(row.element, place);
      row.draw(jobs[id], now, view);
    }
  }

  return { table, draw, tick: (now) => rows.forEach((row) => row.tick(now)) };
}

function makeRow(id, onOpen, actions) {
  const badge = make("span", { class: "lk-state" });
  const actor = make("b");
  const call = make("span", { class: "lk-call" });
  const open = make("button", { type: "button", class: "lk-open" }, actor, call);
  const cells = COLUMNS.map(([name]) => make("td", { class: `lk-${name}` }));
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
    setAttribute(open, "title", `${job.actor}(${job.arguments})`);
    setText(queue, job.queue);
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
    if (job.eta === undefined) return ["", undefined];
    return [countdownText(job.eta - now), `due ${clockText(job.eta, now)}`];
  }
  const moments = { enqueued: job.enqueued, running: job.started };
  const moment = moments[job.state] ?? job.finished ?? job.enqueued;
  if (moment === undefined) return ["", undefined];
  return [clockText(moment, now), `${job.state} ${new Date(moment).toLocaleString()}`];
}

function tookText(job, now) {
  if (job.started === undefined) return "";
  if (job.state === "running") return coarseText(Math.max(0, Math.floor((now - job.started) / 1000)));
  return job.finished === undefined ? "" : durationText(job.finished - job.started);
}

function noteText(job) {
  const attempt = job.state === "running" ? job.attempts + 1 : job.attempts;
  const parts = job.error ? [job.error] : [];
  if (job.either) parts.unshift("running or prefetched");
  if (job.held) parts.unshift(`prefetched by ${job.held}`);
  if (attempt > 1) parts.unshift(`attempt ${attempt}`);
  if (job.waits) parts.unshift(job.waits);
  return parts.join(" · ");
}
