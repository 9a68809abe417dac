// The form: a title, a button, and what came of it.

function buildForm(live, root) {
  const name = `lk${Math.random().toString(36).slice(2, 8)}`;
  const field = make("input", { id: name, type: "text", autocomplete: "off", placeholder: "Buy milk" });
  const button = make("button.lk-button.lk-start", { type: "submit" }, "Create task");
  const words = make("p.lk-said", { role: "status" });
  let asked = 0;
  let isSent = false;
  const submit = (event) => {
    event.preventDefault();
    if (live.pending(asked)) return;
    isSent = true;
    asked = live.ask({ kind: "create", title: field.value });
  };
  const label = make("label", { for: name }, "Title");
  const form = make("form.lk-form", { onsubmit: submit }, label, field, button);
  field.addEventListener("keydown", (event) => {
    event.stopPropagation(); // what is typed here is no shortcut of the notebook's
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault(); // JupyterLab keeps the browser from sending a form by itself
    form.requestSubmit();
  });
  root.replaceChildren(form, words);

  return () => {
    const { view } = live;
    const isPending = live.pending(asked);
    setAttribute(button, "aria-busy", isPending || undefined);
    button.disabled = isPending;
    setText(button, isPending && live.late() ? "Waiting…" : "Create task");
    words.dataset.state = view.created ? "completed" : "dead";
    words.classList.toggle("lk-error", view.created === false);
    if (isPending && live.late()) {
      const wait = "The kernel is busy; the task is created when its cell is done.";
      words.replaceChildren(live.gone() ? NO_KERNEL : wait);
    } else if (view.message) {
      words.replaceChildren(makeShape(view.created ? "completed" : "dead"), view.message);
    }
    if (isSent && !isPending) {
      isSent = false;
      if (view.created) field.value = "";
      field.focus();
    }
  };
}

export default widget("lk-task", buildForm);
