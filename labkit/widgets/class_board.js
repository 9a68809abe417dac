// The class board: a row for each learner. The page asks once a second while it can be seen.

const ASK_EVERY = 1000;

function buildClassBoard(live, root) {
  const now = make("p.lk-now");
  const { states } = live.view;
  const body = make("tbody");
  const words = ["learner", ...states, "workers", "last change"];
  const table = make("table", make("caption.lk-unseen", "How each learner stands"), headOf(...words), body);
  const scroll = make("div.lk-scroll", { tabindex: "0", role: "group", "aria-label": "Table of learners" }, table);
  const rows = keyed(body, () => {
    const name = make("th", { scope: "row" });
    const cells = words.slice(1).map((word) => make("td", states.includes(word) ? { "data-state": word } : {}));
    return { element: make("tr", name, ...cells), name, cells };
  });
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Class board");
  root.replaceChildren(now, scroll);
  let timer;

  function draw() {
    clearTimeout(timer);
    const { view } = live;
    const found = view.rows ?? {};
    const names = Object.keys(found).sort();
    const drawn = rows(names);
    for (const name of names) {
      const row = drawn.get(name);
      const one = found[name];
      setText(row.name, one.name);
      [...states.map((state) => one[state]), one.workers].forEach((number, index) => {
        setText(row.cells[index], countText(number));
        row.cells[index].classList.toggle("lk-none", !number);
      });
      setText(row.cells.at(-1), `${sinceText(one.changed, Math.max(live.now(), one.changed))} ago`);
    }
    root.classList.toggle("lk-stale", view.live === false || live.gone());
    setText(now, classText(view, live, names, found));
    setAttribute(now, "title", view.live === false ? view.why : now.textContent);
    if (root.isConnected) timer = setTimeout(ask, ASK_EVERY);
  }

  function ask() {
    if (live.visible() && !live.pending()) live.ask({ kind: "refresh" });
    else draw();
  }
  return draw;
}

function classText(view, live, names, found) {
  if (live.gone()) return NO_KERNEL;
  if (view.live === false) return `stale since ${clockText(view.since)}`;
  if (!view.rows) return "connecting…";
  const sum = (what) => names.reduce((total, name) => total + found[name][what], 0);
  const people = names.length === 1 ? "1 learner" : `${countText(names.length)} learners`;
  const stuck = sum("dead") ? `, ${countText(sum("dead"))} jobs dead` : "";
  return `${people}, ${countText(sum("workers"))} workers: ${countText(sum("enqueued"))} jobs wait, ${countText(sum("running"))} run${stuck}`;
}

export default widget("lk-class", buildClassBoard);
