// One job in full, under the list: what was sent, when what happened, and every attempt.

/** The panel's nodes; draw(view, now) fills or hides it. */
function makeJobPanel(onClose, actions) {
  const panel = make("div", { class: "lk-opened", hidden: true, role: "group", "aria-label": "The opened job" });
  let drawn;
  let moving = () => {};

  function draw(view, now) {
    const job = view.job;
    panel.hidden = !job;
    if (job !== drawn) {
      drawn = job;
      // What somebody has unfolded stays unfolded while the job goes on.
      const open = new Set([...panel.querySelectorAll("details[open]")].map((one) => one.dataset.attempt));
      const focus = panel.contains(document.activeElement) ? document.activeElement.dataset.name : undefined;
      moving = job ? fill(panel, job, open, onClose, actions) : () => panel.replaceChildren();
      // A button whose action does not fit any more has gone.
      if (focus) (panel.querySelector(`[data-name="${focus}"]`) ?? panel.querySelector('[data-name="close"]'))?.focus();
    }
    moving(now);
  }

  return { panel, draw, tick: (now) => drawn && moving(now) };
}

function fill(panel, job, open, onClose, actions) {
  const close = make("button", { type: "button", class: "lk-icon", "data-name": "close", onclick: onClose, title: "Close" }, "✕");
  close.setAttribute("aria-label", "Close the job");
  if (job.gone) {
    const words = make("p", { class: "lk-quiet" }, "No record of this job is kept any more.");
    panel.replaceChildren(make("div", { class: "lk-head" }, make("code", { class: "lk-id" }, job.id), close), words);
    return () => {};
  }
  const call = make("code", { class: "lk-title" }, make("b", {}, job.actor), `(${job.arguments})`);
  const header = make("div", { class: "lk-head" }, makeState(job.state), call, close);
  const facts = make("dl", { class: "lk-facts" });
  const changing = [];
  const fact = (name, text, title) => {
    const value = make("dd", { title });
    if (typeof text === "function") changing.push((now) => setText(value, text(now)));
    else value.textContent = text;
    facts.append(make("div", {}, make("dt", {}, name), value));
  };
  const moment = (name, millis) =>
    millis !== undefined && fact(name, clockText(millis), new Date(millis).toLocaleString());

  if (job.why) fact("why it waits", job.why);
  fact("queue", job.queue);
  moment("enqueued", job.enqueued);
  if (job.eta !== undefined) {
    const isAhead = job.state === "scheduled" || job.state === "retrying";
    if (isAhead) fact("due", (now) => `${clockText(job.eta, now)}, ${countdownText(job.eta - now)}`);
    else moment("was due", job.eta);
  }
  moment("started", job.started);
  if (job.started !== undefined && job.state === "running") fact("runs for", (now) => tookText(job, now));
  moment("finished", job.finished);
  if (job.started !== undefined && job.finished !== undefined) fact("took", tookText(job));
  const first = job.tries[0]?.started ?? job.started;
  const ready = Math.max(job.enqueued ?? 0, job.tries.length ? 0 : (job.eta ?? 0));
  if (first !== undefined && ready) fact("waited", durationText(first - ready));

  const id = make("p", { class: "lk-id" }, make("span", { class: "lk-quiet" }, "id "), make("code", {}, job.id));
  const [bar, drawBar] = makeJobBar(job);
  changing.push(drawBar);
  const keys = job.keys ? makeKeys(job.keys, open.has("keys")) : "";
  const attempts = make("ol", { class: "lk-attempts" });
  job.tries.forEach((one, index) => attempts.append(makeAttempt(one, index, job, open)));
  panel.replaceChildren(header, facts, bar, id, actions?.forJob(job) ?? "", attempts, keys);
  return (now) => changing.forEach((change) => change(now));
}

function makeAttempt(one, index, job, open) {
  const isLast = index === job.tries.length - 1;
  const line = [
    makeShape(one.error ? "dead" : "completed"),
    make("span", { class: "lk-number" }, `attempt ${index + 1}`),
    make("time", {}, clockText(one.started ?? one.finished)),
    make("span", {}, one.started === undefined ? "" : durationText(one.finished - one.started)),
    make("span", { class: "lk-quiet" }, one.worker),
  ];
  const item = make("li", { "data-state": one.error ? "dead" : "completed" });
  if (!one.error) {
    item.append(make("div", { class: "lk-line" }, ...line));
    return item;
  }
  const error = make("span", { class: "lk-error" }, one.error.split("\n")[0]);
  const details = make(
    "details",
    { "data-attempt": index, open: open.size ? open.has(String(index)) : isLast },
    make("summary", { class: "lk-line", "data-name": `attempt-${index}` }, ...line, error),
    make("pre", { tabindex: "0", role: "group", "aria-label": `Traceback of attempt ${index + 1}` }, one.traceback ?? one.error),
  );
  item.append(details);
  return item;
}
