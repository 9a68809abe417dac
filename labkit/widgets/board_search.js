// The search: one line over the list, which says how far it is, stops and goes on.

const SEARCH_HELP = 'Words of arguments and errors, "several as they stand", or an id; state:dead queue:mail actor:send narrow it down.';
const TYPING_PAUSE = 500;
const STATE_WORD = /(^|\s)state:("[^"]*"?|\S+)/g;

/** The line's nodes; kept() is what a change of the tab must carry along. */
function makeSearch(live) {
  const input = make("input.lk-input", {
    type: "search",
    placeholder: "Search: queue:mail actor:send words, or an id",
    "aria-label": "Search jobs",
    title: SEARCH_HELP,
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 300,
    onsearch: submit,
  });
  const words = make("span.lk-progress", { role: "status" });
  const stop = push("lk-small", () => live.ask({ kind: "search", stop: Boolean(live.view.search?.going) }));
  const refresh = push("lk-small", () => live.ask({ kind: "refresh" }), "Refresh");
  const bar = group("lk-search", "Search", input, words, stop, refresh);
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

  // A state that somebody chooses by its tab goes before one in the words.
  function kept() {
    clearTimeout(typing);
    input.value = input.value.replace(STATE_WORD, "").trim();
    const isNew = input.value !== sent;
    sent = input.value;
    return isNew ? { search: sent } : {};
  }

  function draw({ search, problem, manual }) {
    const text = search?.text ?? "";
    if (!live.pending(asked) && text !== sent && document.activeElement !== input) input.value = sent = text;
    setText(words, problem ?? search?.words ?? "");
    words.classList.toggle("lk-error", Boolean(problem));
    const canGoOn = search && !search.done && (search.going || search.stopped);
    // A button that has the focus stays, or the focus would be lost.
    stop.hidden = !canGoOn && document.activeElement !== stop;
    setText(stop, search?.stopped ? "Go on" : "Stop");
    stop.disabled = !canGoOn;
    refresh.hidden = !manual;
  }

  return { bar, draw, kept };
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
