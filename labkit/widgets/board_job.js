// One job in full, under the list: what was sent, when what happened, and every attempt.

/** The panel's nodes; draw(view, now) fills or hides it. */
function makeJobPanel(onClose, actions) {
  const panel = group("lk-opened", "The opened job");
  let drawn;
  let moving = () => {};

  function draw({ job }, now) {
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
  const close = push("lk-icon", onClose, "✕");
  close.dataset.name = "close";
  close.setAttribute("aria-label", "Close the job");
  if (job.gone) {
    const words = make("p.lk-quiet", "No record of this job is kept any more.");
    panel.replaceChildren(make("div.lk-head", make("code.lk-id", job.id), close), words);
    return () => {};
  }
  const call = make("code.lk-title", make("b", job.actor), `(${job.arguments})`);
  const facts = make("dl.lk-facts");
  const changing = [];
  // A number is a moment; one that something is due at, or has gone on since, is told as time goes by.
  for (const [name, value, moves] of [["why it waits", job.why], ...job.facts]) {
    if (value === undefined) continue;
    const isMoment = typeof value === "number" && moves !== "long";
    const text = make("dd", { title: isMoment && new Date(value).toLocaleString() }, isMoment ? clockText(value) : moves ? durationText(value) : value);
    if (moves === "due") changing.push((now) => setText(text, `${clockText(value, now)}, ${countdownText(value - now)}`));
    if (moves === "since") changing.push((now) => setText(text, sinceText(value, now)));
    facts.append(make("div", make("dt", name), text));
  }
  const id = make("p.lk-id", make("span.lk-quiet", "id "), make("code", job.id));
  const [bar, drawBar] = makeJobBar(job);
  changing.push(drawBar);
  const attempts = make("ol.lk-attempts", ...job.tries.map((one, index) => makeAttempt(one, index, job, open)));
  const head = make("div.lk-head", makeState(job.state), call, close);
  panel.replaceChildren(head, facts, bar, id, actions?.forJob(job) ?? "", attempts, job.keys ? makeKeys(job.keys, open.has("keys")) : "");
  return (now) => changing.forEach((change) => change(now));
}

function makeAttempt(one, index, job, open) {
  const isLast = index === job.tries.length - 1;
  const line = [
    makeShape(one.error ? "dead" : "completed"),
    make("span.lk-number", `attempt ${index + 1}`),
    make("time", clockText(one.started ?? one.finished)),
    make("span", one.started === undefined ? "" : durationText(one.finished - one.started)),
    make("span.lk-quiet", one.worker),
  ];
  const item = make("li", { "data-state": one.error ? "dead" : "completed" });
  if (!one.error) {
    item.append(make("div.lk-line", ...line));
    return item;
  }
  line.push(make("span.lk-error", one.error.split("\n")[0]));
  item.append(
    make(
      "details",
      { "data-attempt": index, open: open.size ? open.has(String(index)) : isLast },
      make("summary.lk-line", { "data-name": `attempt-${index}` }, ...line),
      make("pre", { tabindex: "0", role: "group", "aria-label": `Traceback of attempt ${index + 1}` }, one.traceback ?? one.error),
    ),
  );
  return item;
}
