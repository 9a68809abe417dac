// A table, and a field that leaves the rows in which all of its words stand.

let made = 0;

function make(tag, name, parent) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (parent) parent.append(node);
  return node;
}

// Text with `code` between backticks; never parsed as HTML.
function write(parent, text) {
  text.split("`").forEach((part, place) => {
    if (place % 2 === 0) return parent.append(part);
    make("code", "", parent).textContent = part;
  });
}

// Escape empties the field, and in an empty one goes back to the notebook.
function leave(event, field, find) {
  if (event.key !== "Escape") return;
  event.preventDefault();
  event.stopPropagation();
  if (!field.value) return field.closest(".jp-Cell")?.focus();
  field.value = "";
  find();
}

function render({ model, el }) {
  const root = make("section", "labkit labkit-finder", el);
  root.setAttribute("aria-label", model.get("title"));
  const label = make("label", "", root);
  label.textContent = "Search ";
  const field = make("input", "", label);
  Object.assign(field, { type: "search", value: model.get("words"), id: `labkit-finder-${(made += 1)}` });
  // JupyterLab would take the letters for commands.
  field.dataset.lmSuppressShortcuts = "true";
  const count = make("span", "labkit-finder-count", root);
  count.setAttribute("role", "status");

  const place = make("div", "labkit-finder-rows", root);
  Object.assign(place, { tabIndex: 0 });
  place.setAttribute("role", "region");
  place.setAttribute("aria-label", "The lines that fit");
  const table = make("table", "", place);
  const head = make("tr", "", make("thead", "", table));
  model.get("head").forEach((word) => {
    const cell = make("th", "", head);
    cell.scope = "col";
    cell.textContent = word;
  });
  const body = make("tbody", "", table);
  const rows = model.get("rows").map((texts) => {
    const row = make("tr", "", body);
    texts.forEach((text) => write(make("td", "", row), text));
    return [row, texts.join(" ").replaceAll("`", "").toLowerCase()];
  });

  const find = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = rows.filter(([row, text]) => {
      row.hidden = !words.every((word) => text.includes(word));
      return !row.hidden;
    });
    count.textContent = `${found.length} of ${rows.length}`;
  };
  field.addEventListener("input", find);
  field.addEventListener("keydown", (event) => leave(event, field, find));
  find();
}

export default { render };
