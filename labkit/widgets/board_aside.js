// Beside a board's jobs: an opened job's bar and the Redis keys that hold it; the workers; and the
// replay, which shows an earlier moment until somebody goes back to what is.

/** What a job did, as a bar, and the same in words; returns the nodes and how to draw them. */
function makeJobBar(job) {
  const track = make("div.lk-track", { "aria-hidden": "true" });
  const axis = makeAxis(() => draw(drawn));
  const words = make("p.lk-quiet.lk-story");
  let drawn = 0;
  const draw = (now) => {
    drawn = now;
    const span = spanOf([job], now);
    const pieces = piecesOf(job, now);
    drawTrack(track, pieces, span);
    drawAxis(axis, span);
    setText(words, pieces.map((piece) => piece[3]).join(" → "));
  };
  return [make("div.lk-bar", track, axis, words), draw];
}

/** The keys that hold a job right now, each with the command that shows it. */
function makeKeys(keys, isOpen) {
  const items = keys.flatMap(([command, value, meaning]) => [
    make("dt", make("code", command), make("span.lk-quiet", meaning)),
    make("dd", make("pre", { tabindex: "0", "aria-label": `What ${command} answers`, role: "group" }, value)),
  ]);
  const summary = make("summary.lk-line", { "data-name": "keys" }, make("span.lk-number", "in Redis"), `${keys.length} commands show where it is now`);
  return make("details.lk-keys", { "data-attempt": "keys", open: isOpen }, summary, make("dl", ...items));
}

/** The nodes of all that, and draw(view, now). `tools` belongs into the foot. */
function makeAside(live, root, actions) {
  const crew = makeCrew(actions);
  const past = makeReplay(live, root);
  const button = push("lk-icon.lk-tool", () => live.ask({ kind: "look", crew: !live.view.crew }), "Workers");
  const tools = make("span.lk-tools", button, past.button);

  function draw(view, now) {
    tools.hidden = Boolean(view.stock); // nobody keeps what they would show
    setAttribute(button, "aria-expanded", Boolean(view.crew));
    crew.draw(view, now);
    past.draw(view);
  }
  return { tools, top: past.bar, box: crew.box, draw };
}

function makeCrew(actions) {
  const body = make("tbody");
  const heads = ["Worker", "Threads", "Memory", "Queues", "Runs now", ...(actions ? ["Actions"] : [])];
  const table = make("table", make("caption.lk-unseen", "Workers"), headOf(...heads), body);
  const none = make("p.lk-quiet", "No labkit worker runs. WorkerPanel() starts one, and so does dramatiq labkit.jobs in a terminal.");
  const box = group("lk-crew", "Workers", table, none);
  const keep = keyed(body, () => {
    const cells = heads.map((_, index) => make(index ? "td" : "th", index ? {} : { scope: "row" }));
    return { element: make("tr", ...cells), cells, dress: actions?.dressWorker(cells.at(-1)) };
  });

  function draw({ crew }, now) {
    box.hidden = !crew;
    if (!crew) return;
    const names = Object.keys(crew);
    table.hidden = !names.length;
    none.hidden = names.length > 0;
    for (const [name, { cells, dress }] of keep(names)) {
      const { address, threads, memory, queues, quiet, jobs } = crew[name];
      const busy = Object.values(jobs).map((job) => `${callOf(job)} for ${tookText(job, now)}`);
      const idle = quiet ? "quiet: it takes no more jobs" : busy.length < threads ? `${threads - busy.length} idle` : "";
      const texts = [address, String(threads), memory ? `${memory} MiB` : "–", queues, [...busy, idle].filter(Boolean).join(" · ")];
      texts.forEach((text, index) => {
        setText(cells[index], text);
        setAttribute(cells[index], "title", text);
      });
      dress?.(crew[name]);
    }
  }
  return { box, draw };
}

function makeReplay(live, root) {
  let asked = 0;
  let wanted;
  const look = (back) => (asked = live.ask({ kind: "look", back }));
  const button = push("lk-icon.lk-tool", () => look(live.view.past ? null : 0), "Replay");
  button.title = "Go back through what happened";
  const slider = make("input", { type: "range", min: "0", step: "1", "aria-label": "Event", oninput: follow });
  const words = make("span.lk-words", { role: "status" });
  const leave = () => {
    look(null);
    button.focus();
  };
  const bar = group("lk-past", "Replay", make("strong", "The past"), words, slider, push("lk-button", leave, "Back to live"));
  // One wish at a time: while one is on its way, only the last place of the slider counts.
  function follow() {
    wanted = Number(slider.value);
    if (!live.pending(asked)) look(live.view.past.length - wanted);
  }

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
    const text = `${past.at ? `${clockText(past.at)} · ` : ""}${past.words}`;
    setText(words, text);
    setAttribute(words, "title", text);
    setAttribute(slider, "aria-valuetext", text);
  }
  return { bar, button, draw };
}
