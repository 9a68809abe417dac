// Throughput: two charts of the last minutes on one scale of time, and the same as a table.
// What completed is solid, what failed is hatched; half of the jobs began below the bar's end, 95 in
// 100 below the thin line above it.

const MINUTE = 60_000;
const COLUMNS = ["Minute", "Completed", "Failed", "Half began within", "95 in 100 within"];

function buildThroughput(live, root) {
  const now = make("p.lk-now");
  const jobs = makePlot("Jobs a minute", ["completed", "failed"]);
  const waits = makePlot("From due to start", ["half within", "95 in 100 within"]);
  const axis = makeAxis(() => draw());
  const body = make("tbody");
  const head = make("thead", make("tr", ...COLUMNS.map((name) => make("th", { scope: "col" }, name))));
  const table = make("table", make("caption.lk-unseen", "The minutes in which something happened"), head, body);
  const scroll = make("div.lk-scroll", { tabindex: "0", role: "group", "aria-label": "Table of minutes" }, table);
  const twin = make("details", make("summary", "As a table"), scroll);
  const empty = make("p.lk-quiet.lk-nothing");
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Throughput");
  root.replaceChildren(now, make("div.lk-charts", jobs.box, waits.box, axis, empty), twin);
  let timer;
  let drawn;

  function draw() {
    clearTimeout(timer);
    const { view } = live;
    const { minutes = {}, length = 30 } = view;
    const last = Math.floor(live.now() / MINUTE);
    const numbers = Array.from({ length }, (_, index) => last - length + 1 + index);
    const found = numbers.map((number) => ({ number, completed: 0, failed: 0, ...minutes[number] }));
    const busy = found.filter((one) => minutes[one.number]);
    root.classList.toggle("lk-stale", view.live === false || live.gone());
    setText(now, nowText(view, live, found.at(-1)));
    setAttribute(now, "title", now.textContent);
    const none = view.stock ? "Stock Dramatiq counts no jobs; with LabBroker each counts." : `No job ran in the last ${length} minutes: send one, and a bar grows here.`;
    setText(empty, busy.length || !view.minutes ? "" : none);
    jobs.draw(found, (one) => [one.completed, one.completed + one.failed], countText, jobsText(busy, length));
    waits.draw(found, (one) => (one.p95 === undefined ? [0, 0] : [one.median, one.p95]), durationText, waitsText(busy, length), true);
    drawTimes(axis, numbers);
    if (drawn !== view.minutes || body.childElementCount !== busy.length) fillTable(body, busy);
    drawn = view.minutes;
    if (root.isConnected) timer = setTimeout(draw, MINUTE - (live.now() % MINUTE) + 20);
  }
  return draw;
}

const clockOf = (number) => clockText(number * MINUTE, number * MINUTE).slice(0, 5);
const withinText = (one) => (one.p95 === undefined ? ["", ""] : [durationText(one.median), durationText(one.p95)]);

function nowText(view, live, minute) {
  if (live.gone()) return NO_KERNEL;
  if (view.live === false) return `stale since ${clockText(view.since)}`;
  if (!view.minutes) return "connecting…";
  if (view.stock) return "not recorded";
  const begun = minute.p95 === undefined ? "" : ` · began within ${durationText(minute.median)}`;
  return `this minute: ${countText(minute.completed)} completed, ${countText(minute.failed)} failed${begun}`;
}

function jobsText(busy, length) {
  const sum = (name) => countText(busy.reduce((total, one) => total + one[name], 0));
  const most = busy.reduce((best, one) => (one.completed > (best?.completed ?? -1) ? one : best), undefined);
  const peak = most ? `; most in a minute ${countText(most.completed)}, at ${clockOf(most.number)}` : "";
  return `Jobs a minute in the last ${length} minutes: ${sum("completed")} completed, ${sum("failed")} failed${peak}. All of it is in the table below.`;
}

function waitsText(busy, length) {
  const begun = busy.filter((one) => one.p95 !== undefined);
  const worst = begun.reduce((most, one) => Math.max(most, one.p95), 0);
  const words = begun.length ? `in the worst minute 95 in 100 began within ${durationText(worst)}` : "none began";
  return `From due to start in the last ${length} minutes: ${words}. All of it is in the table below.`;
}

/** One chart: a column a minute, two values each, the second never below the first. */
function makePlot(title, names) {
  const top = make("span.lk-top");
  const legend = make("span.lk-key", ...names.flatMap((name, index) => [make(`i.lk-sample.lk-part${index}`), name]));
  const columns = make("div.lk-columns", { role: "img" });
  const heading = make("div.lk-heading", make("b", title), top, legend);
  const box = make(`div.lk-plot.lk-${title.split(" ")[0].toLowerCase()}`, heading, columns);

  function draw(found, valuesOf, textOf, summary, isLog = false) {
    const all = found.map(valuesOf);
    const most = niceAbove(Math.max(...all.map(([, high]) => high)), isLog);
    const height = (value) => `${100 * (isLog ? Math.log(value + 1) / Math.log(most + 1) : value / most)}%`;
    setText(top, `up to ${textOf(most)}`);
    setAttribute(columns, "aria-label", summary);
    while (columns.childElementCount > found.length) columns.lastChild.remove();
    found.forEach((one, index) => {
      const column = columns.children[index] ?? columns.appendChild(make("span", make("i.lk-part1"), make("i.lk-part0")));
      const [low, high] = all[index];
      const words = isLog ? withinText(one).filter(Boolean).join(", ") : `${one.completed} completed, ${one.failed} failed`;
      setAttribute(column, "title", high ? `${clockOf(one.number)}: ${words}` : undefined);
      for (const [part, value] of [[column.firstChild, high > low && high], [column.lastChild, low]]) {
        part.hidden = !value;
        part.style.height = height(value || 0);
      }
    });
  }
  return { box, draw };
}

/** 1, 2 or 5 times a power of ten; of durations from 10 ms on. */
function niceAbove(value, isLog) {
  const least = Math.max(value, isLog ? 10 : 5);
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= least);
}

function drawTimes(axis, numbers) {
  const most = Math.max(1, Math.min(6, Math.floor(axis.clientWidth / 50))); // a time is 40 px wide
  const step = [1, 2, 5, 10, 15, 30, 60].find((size) => numbers.length / size <= most) ?? 60;
  const marks = numbers.flatMap((number, index) => {
    const room = axis.clientWidth * (1 - index / numbers.length);
    if (number % step || room < 40) return []; // its words would be cut off
    const mark = make("span", clockOf(number));
    mark.style.left = `${(100 * index) / numbers.length}%`;
    return [mark];
  });
  axis.replaceChildren(...marks);
}

function fillTable(body, busy) {
  const rows = [...busy].reverse().map((one) => {
    const cells = [countText(one.completed), countText(one.failed), ...withinText(one)];
    return make("tr", make("th", { scope: "row" }, clockOf(one.number)), ...cells.map((text) => make("td", text)));
  });
  body.replaceChildren(...rows);
}

export default widget("lk-throughput", buildThroughput);
