// Log lines come when a worker has written them: ask for the list again, while somebody looks.
const rows = document.getElementById("rows");
let shown = "";

async function refresh() {
  if (!document.hidden) {
    const answer = await fetch("rows").catch(() => null);
    const html = answer?.ok ? await answer.text() : shown;
    if (html !== shown) {
      shown = html;
      rows.innerHTML = html; // Escaped by the server.
    }
  }
  setTimeout(refresh, 500);
}

refresh();
