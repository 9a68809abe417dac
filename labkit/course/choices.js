// Questions with radio buttons. Python owns what is shown; this file draws it and reports a choice.

let made = 0;

// Text with `code` between backticks; never parsed as HTML.
function write(parent, text) {
  text.split("`").forEach((part, place) => {
    if (place % 2 === 0) return parent.append(part);
    const code = document.createElement("code");
    code.textContent = part;
    parent.append(code);
  });
  return parent;
}

function make(tag, name, parent) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (parent) parent.append(node);
  return node;
}

function say(isChosen, isTrue, isSettled) {
  if (!isSettled) return "";
  if (isTrue) return isChosen ? "✓ as you predicted" : "✓ this happened";
  return isChosen ? "✗ you predicted this" : "";
}

function ask(model, parent, place, { question, options }) {
  const group = `labkit-choices-${(made += 1)}`;
  const field = make("fieldset", "", parent);
  const legend = make("legend", "", field);
  const many = model.get("questions").length > 1;
  write(legend, (many ? `${place + 1}. ` : "") + question);
  const rows = options.map((text, option) => {
    const label = make("label", "", field);
    const input = make("input", "", label);
    Object.assign(input, { type: "radio", name: group, value: String(option) });
    // JupyterLab would take the arrow keys for moving between cells.
    input.dataset.lmSuppressShortcuts = "true";
    write(make("span", "", label), text);
    const sign = make("span", "labkit-choices-sign", label);
    input.addEventListener("change", () => {
      const answers = [...model.get("answers")];
      answers[place] = option;
      model.set("answers", answers);
      // A message of its own: a synced trait would wait for the one before it, and so reach a busy
      // kernel after the cell that is to know of it.
      model.send({ place, option });
    });
    return { label, input, sign };
  });
  const result = make("p", "labkit-choices-result", field);
  result.setAttribute("role", "status");

  return () => {
    const chosen = model.get("answers")[place];
    const { right, note, happened } = model.get("results")[place];
    rows.forEach(({ label, input, sign }, option) => {
      input.checked = option === chosen;
      input.disabled = happened !== undefined;
      label.classList.toggle("is-true", option === happened);
      sign.textContent = say(option === chosen, option === happened, happened !== undefined);
    });
    result.replaceChildren();
    result.hidden = right === undefined;
    if (right === undefined) return;
    result.dataset.right = String(right);
    make("strong", "", result).textContent = right ? "✓ Correct. " : "✗ Not quite. ";
    write(result, note);
  };
}

// The way back to the notebook: Escape leaves the question, Shift+Enter and the like also run.
function leave(event, cell) {
  const runs = event.key === "Enter" && (event.shiftKey || event.ctrlKey || event.altKey);
  if (!cell || !(runs || event.key === "Escape")) return;
  event.preventDefault();
  event.stopPropagation();
  cell.focus();
  if (!runs) return;
  const { shiftKey, ctrlKey, altKey } = event;
  const again = { key: "Enter", code: "Enter", keyCode: 13, bubbles: true, cancelable: true };
  cell.dispatchEvent(new KeyboardEvent("keydown", { ...again, shiftKey, ctrlKey, altKey }));
}

function render({ model, el }) {
  const root = make("section", "labkit labkit-choices", el);
  root.setAttribute("aria-label", model.get("title"));
  root.addEventListener("keydown", (event) => leave(event, root.closest(".jp-Cell")));
  make("p", "labkit-choices-title", root).textContent = model.get("title");
  const draws = model.get("questions").map((asked, place) => ask(model, root, place, asked));
  const note = make("p", "labkit-choices-note", root);

  const draw = () => {
    draws.forEach((drawOne) => drawOne());
    const open = model.get("results").some(({ happened }) => happened === undefined);
    note.textContent = open ? model.get("note") : "";
    note.hidden = !open;
  };
  model.on("change:answers change:results", draw);
  draw();
  return () => model.off("change:answers change:results", draw);
}

export default { render };
