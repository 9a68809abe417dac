// Beside a board's jobs: an opened job's bar and the Redis keys that hold it; the workers; and the
// replay, which shows an earlier moment until somebody goes back to what is.

/** What a job did, as a bar, and the same in words; returns the nodes and how to draw them. */
function makeJobBar(job) {
  const track = make("div", { class: "lk-track", "aria-hidden": "true" });
  const axis = make("div", { class: "lk-axis", "aria-hidden": "true" });
  const words = make("p", { class: "lk-quiet lk-story" });
  const draw = (now) => {
    const span = spanOf([job], now);
    const pieces = piecesOf(job, now);
    drawTrack(track, pieces, span);
    drawAxis(axis, span);
    setText(words, pieces.map((piece) => piece[3]).join(" → "));
  };
  return [make("div", { class: "lk-bar" }, track, axis, words), draw];
}

/** The keys that hold a job right now, each with the command that shows it. */
function makeKeys(keys, isOpen) {
  const items = keys.flatMap(([command, value, meaning]) => [
    make("dt", {}, make("code", {}, command), make("span", { class: "lk-quiet" }, meaning)),
    make("dd", {}, make("pre", { tabindex: "0", "aria-label": `What ${command} answers`, role: "group" }, value)),
  ]);
  const summary = make("summary", { class: "lk-line", "data-name": "keys" }, make("span", { class: "lk-number" }, "in Redis"), `${keys.length} commands show where it is now`);
  return make("details", { class: "lk-keys", "data-attempt": "keys", open: isOpen }, summary, make("dl", {}, ...items));
}

/** The nodes of all that, and draw(view, now). `tools` belongs into the foot. */
function makeAside(live, root) {
  const crew = makeCrew();
  const past = makeReplay(live, root);
  const press = () => live.ask({ kind: "look", crew: !live.view.crew });
  const button = make("button", { type: "button", class: "lk-icon lk-tool", onclick: press }, "Workers");
  const tools = make("span", { class: "lk-tools" }, button, past.button);

  function draw(view, now) {
    setAttribute(button, "aria-expanded", Boolean(view.crew));
    crew.draw(view, now);
    past.draw(view);
  }
  return { tools, top: past.bar, box: crew.box, draw };
}

function makeCrew() {
  const rows = new Map();
  const body = make("tbody");
  const heads = ["Worker", "Threads", "Queues", "Runs now"].map((word) => make("th", { scope: "col" }, word));
  const table = make("table", {}, make("caption", { class: "lk-unseen" }, "Workers"), make("thead", {}, make("tr", {}, ...heads)), body);
  const none = make("p", { class: "lk-quiet" }, "No labkit worker runs. WorkerPanel() starts one, and so does dramatiq labkit.jobs in a terminal.");
  const box = make("div", { class: "lk-crew", hidden: true, role: "group", "aria-label": "Workers" }, table, none);

  function draw({ crew }, now) {
    box.hidden = !crew;
    if (!crew) return;
    const names = Object.keys(crew);
    table.hidden = !names.length;
    none.hidden = names.length > 0;
    for (const [name, row] of rows) {
      if (crew[name]) continue;
      row.remove();
      rows.delete(name);
    }
    for (const name of names) {
      if (!rows.has(name)) rows.set(name, body.appendChild(make("tr", {}, make("th", { scope: "row" }), make("td"), make("td"), make("td"))));
      const { address, threads, queues, quiet, jobs } = crew[name];
      const busy = Object.values(jobs).map((job) => `${job.actor}(${job.arguments}) for ${tookText(job, now)}`);
      const idle = quiet ? "quiet: it takes no more jobs" : busy.length < threads ? `${threads - busy.length} idle` : "";
      const cells = rows.get(name).children;
      [address, threads, queues, [...busy, idle].filter(Boolean).join(" · ")].forEach((text, index) => {
        setText(cells[index], String(text));
        setAttribute(cells[index], "title", text);
      });
    }
  }
  return { box, draw };
}

function makeReplay(live, root) {
  let asked = 0;
  let wanted;
  const look = (back) => (asked = live.ask({ kind: "look", back }));
  const toggle = () => look(live.view.past ? null : 0);
  const button = make("button", { type: "button", class: "lk-icon lk-tool", title: "Go back through what happened", onclick: toggle }, "Replay");
  const slider = make("input", { type: "range", min: "0", step: "1", "aria-label": "Event" });
  const words = make("span", { class: "lk-words", role: "status" });
  const leave = () => {
    look(null);
    button.focus();
  };
  const back = make("button", { type: "button", class: "lk-button", onclick: leave }, "Back to live");
  const bar = make("div", { class: "lk-past", hidden: true, role: "group", "aria-label": "Replay" }, make("strong", {}, "The past"), words, slider, back);
  // One wish at a time: while one is on its way, only the last place of the slider counts.
  const follow = () => {
    wanted = Number(slider.value);
    if (!live.pending(asked)) look(live.view.past.length - wanted);
  };
  slider.addEventListener("input", follow);

  function draw({ past }) {
    bar.hidden = !past;
    root.classList.toggle("lk-is-past", Boolean(past));
    setAttribute(button, "aria-pressed", Boolean(past));
    if (!past) {
      wanted = undefined;
      return;
    }
    slider.max = past.length;
    slider.disabled = !past.length;
    if (!live.pending(asked)) {
      if (wanted !== undefined && wanted !== past.place) look(past.length - wanted);
      else slider.value = past.place;
    }
    const step = past.place ? `${past.call} ${past.was ? `${past.was} → ` : ""}${past.state || "forgotten"}` : "before the first event";
    const text = past.length ? `${past.at ? `${clockText(past.at)} · ` : ""}event ${countText(past.place)} of ${countText(past.length)} · ${step}` : "no event is known";
    setText(words, text);
    setAttribute(words, "title", text);
    setAttribute(slider, "aria-valuetext", text);
  }
  return { bar, button, draw };
}
