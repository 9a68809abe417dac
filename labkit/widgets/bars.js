// A job's way as a bar. What was, is solid; waiting is an outline; the pause before another attempt is
// dotted; a failed attempt is hatched as well as red.

const isMoving = (job) => !["completed", "dead", "cancelled"].includes(job.state);

/** From the first job's beginning to the last one's end, or to now while one moves. */
function spanOf(jobs, now) {
  if (!jobs.length) return undefined;
  const begin = Math.min(...jobs.map((job) => job.enqueued ?? job.started ?? now));
  const ends = jobs.map((job) => (isMoving(job) ? now : (job.finished ?? job.enqueued ?? begin)));
  const end = Math.max(...ends);
  return { begin, end, length: Math.max((end - begin) * 1.02, 20) };
}

/** What a job did when: [kind, from, to, words]. */
function piecesOf(job, now) {
  const pieces = [];
  let at = job.enqueued;
  const rest = (kind, to) => {
    if (at !== undefined && to > at) pieces.push([kind, at, to, `${kind} ${durationText(to - at)}`]);
  };
  job.tries.forEach((one, index) => {
    const started = one.started ?? one.finished;
    rest(index ? "back-off" : "waited", started);
    const kind = one.failed || one.error ? "failed" : "ran";
    pieces.push([kind, started, one.finished, `attempt ${index + 1} ${kind} ${durationText(one.finished - started)}`]);
    at = one.finished;
  });
  if (job.state === "running") {
    rest(job.tries.length ? "back-off" : "waited", job.started);
    pieces.push(["running", job.started, now, `running for ${durationText(now - job.started)}`]);
  } else if (isMoving(job)) {
    const kind = job.state === "scheduled" ? "scheduled" : "waits";
    rest(job.tries.length ? "back-off" : kind, Math.max(now, at));
  }
  return pieces;
}

function drawTrack(track, pieces, span) {
  while (track.children.length > pieces.length) track.lastChild.remove();
  pieces.forEach(([kind, from, to, words], index) => {
    const piece = track.children[index] ?? track.appendChild(make("span"));
    piece.className = `lk-piece lk-${kind}`;
    piece.title = words;
    piece.style.left = `${((from - span.begin) / span.length) * 100}%`;
    piece.style.width = `${((to - from) / span.length) * 100}%`;
    if (!piece.firstChild) piece.append(make("span.lk-unseen"));
    setText(piece.firstChild, `${words}; `);
  });
}

/** Marks at round times, 1, 2 or 5 times a power of ten: about five, or as many as there is room for. */
function drawAxis(axis, span) {
  axis.hidden = !span;
  if (!span) return;
  const rough = span.length / Math.max(1, Math.min(5, Math.floor(axis.clientWidth / 80)));
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const pixels = axis.clientWidth / span.length;
  const marks = [];
  for (let at = 0; at <= span.length; at += step) {
    const isLate = at > 0 && (span.length - at) * pixels < 70;
    if (isLate && step * pixels < 140) break; // its words stand before it, where those of the last are
    const mark = make("span", durationText(at).replace(".0 s", " s"));
    mark.style.left = `${(at / span.length) * 100}%`;
    mark.classList.toggle("lk-late", isLate);
    marks.push(mark);
  }
  axis.replaceChildren(...marks);
}
