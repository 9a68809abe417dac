// The timeline: one bar a job (see bars.js), all on one scale of time.

const KEY = ["waited", "ran", "failed", "back-off", "scheduled"];

function buildTimeline(live, root) {
  const list = make("ol.lk-bars");
  const axis = makeAxis(() => draw());
  const empty = make("p.lk-quiet.lk-nothing", { hidden: true }, "No jobs yet: send one, and its bar begins here.");
  const status = make("p.lk-quiet.lk-legend", { role: "status" });
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Timeline of jobs");
  const key = KEY.flatMap((kind) => [make(`i.lk-piece.lk-${kind}`), kind]);
  const foot = make("div.lk-foot", status, make("p.lk-quiet.lk-key", { "aria-hidden": "true" }, ...key));
  root.replaceChildren(list, empty, axis, foot);
  const rows = new Map();
  let timer;

  function draw() {
    clearTimeout(timer);
    const { view } = live;
    const now = live.now();
    const jobs = (view.order ?? []).map((id) => view.jobs[id]);
    root.classList.toggle("lk-stale", view.live === false || live.gone());
    empty.hidden = !view.order || jobs.length > 0;
    list.style.setProperty("--lk-rows", view.limit ?? 8);
    const span = spanOf(jobs, now);
    for (const [id, row] of rows) {
      if (view.jobs?.[id]) continue;
      row.remove();
      rows.delete(id);
    }
    jobs.forEach((job, index) => {
      if (!rows.has(job.id)) rows.set(job.id, make("li"));
      const row = rows.get(job.id);
      if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
      drawRow(row, job, span, now);
    });
    drawAxis(axis, span);
    setText(status, live.gone() ? NO_KERNEL : legendOf(view, span));
    if (jobs.some(isMoving) && root.isConnected && view.live !== false && !live.gone()) timer = setTimeout(draw, jobs.some((job) => job.state === "running") ? 200 : 1000);
  }
  return draw;
}

function drawRow(row, job, span, now) {
  if (!row.firstChild) {
    const name = make("code.lk-name", make("b", job.actor), `(${job.arguments})`);
    row.append(makeState(job.state), name, make("span.lk-track"));
    row.title = callOf(job);
  }
  const [badge, , track] = row.children;
  setState(badge, job.state);
  drawTrack(track, piecesOf(job, now), span);
}

function legendOf(view, span) {
  if (view.live === false) return `stale since ${clockText(view.since)}`;
  return span ? `from ${clockText(span.begin)} to ${clockText(span.end)}` : "";
}

export default widget("lk-timeline", buildTimeline);
