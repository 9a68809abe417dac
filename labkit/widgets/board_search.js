// The search: one line over the list, which says how far it is, stops and goes on.

const SEARCH_HELP = `A word is looked for in arguments and errors, "several words" as they stand; an id, or its beginning, \
finds its job. state:dead queue:mail actor:send narrow it down.`;
const TYPING_PAUSE = 500;
const STATE_WORD = /(^|\s)state:("[^"]*"?|\S+)/g;

/** The line's nodes; kept() is what a change of the tab must carry along. */
function makeSearch(live) {
  const input = make("input", {
    type: "search",
    class: "lk-input",
    placeholder: "Search: queue:mail actor:send words, or an id",
    "aria-label": "Search jobs",
    title: SEARCH_HELP,
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 300,
  });
  const words = make("span", { class: "lk-progress", role: "status" });
  const stop = make("button", { type: "button", class: "lk-small", hidden: true }, "Stop");
  const refresh = make("button", { type: "button", class: "lk-small", hidden: true }, "Refresh");
  const bar = make("div", { class: "lk-search", role: "group", "aria-label": "Search" }, input, words, stop, refresh);
  let sent = "";
  let asked = 0;
  let typing;

  function submit() {
    clearTimeout(typing);
    if (input.value.trim() === sent) return;
    sent = input.value.trim();
    asked = live.ask({ kind: "look", search: sent, offset: 0 });
  }

  input.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(submit, TYPING_PAUSE);
  });
  input.addEventListener("search", submit);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && input.value) {
      event.preventDefault();
      input.value = "";
      submit();
    } else if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.altKey) {
      sent = undefined; // once more, also for the same words
      submit();
    }
  });
  stop.addEventListener("click", () => live.ask({ kind: "search", stop: Boolean(live.view.search?.going) }));
  refresh.addEventListener("click", () => live.ask({ kind: "refresh" }));

  // A state that somebody chooses by its tab goes before one in the words.
  function kept() {
    clearTimeout(typing);
    input.value = input.value.replace(STATE_WORD, "").trim();
    const isNew = input.value !== sent;
    sent = input.value;
    return isNew ? { search: sent } : {};
  }

  function draw(view) {
    const { search, problem } = view;
    const text = search?.text ?? "";
    if (!live.pending(asked) && text !== sent && document.activeElement !== input) input.value = sent = text;
    setText(words, problem ?? progressText(view));
    words.classList.toggle("lk-error", Boolean(problem));
    const canGoOn = search && !search.done && (search.going || search.stopped);
    // A button that has the focus stays, or the focus would be lost.
    stop.hidden = !canGoOn && document.activeElement !== stop;
    setText(stop, search?.stopped ? "Go on" : "Stop");
    stop.disabled = !canGoOn;
    refresh.hidden = !view.manual;
  }

  return { bar, draw, kept };
}

function progressText(view) {
  const { search, total = 0 } = view;
  if (!search) return "";
  const searched = `searched ${countText(search.searched)} of ${countText(search.of)}`;
  return `${countText(total)}${search.done ? "" : "+"} found, ${searched}`;
}

/** What an empty list says while somebody searches, or where nothing is recorded; else nothing. */
function emptyText(view) {
  const { search, stock, tab } = view;
  if (search?.done) return ["No job fits", `All ${countText(search.of)} were searched.`, ""];
  if (search) return [search.stopped ? "None found so far" : "Searching…", "", ""];
  if (stock && (tab === "completed" || tab === "cancelled")) {
    return ["Not recorded", `Stock Dramatiq keeps no ${tab} job; with LabBroker each is listed here.`, ""];
  }
  return undefined;
}

/** A page that gets no update by itself asks, every two seconds while it can be seen. */
function keepAsking(live, root) {
  let timer;
  return (view) => {
    clearTimeout(timer);
    if (!view.manual || !root.isConnected) return;
    const soon = view.search?.going ? 20 : 2000;
    timer = setTimeout(() => !live.pending() && live.visible() && live.ask({ kind: "refresh" }), soon);
  };
}
