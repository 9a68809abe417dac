// Words for numbers, and what all widgets say.

const NO_KERNEL = "no kernel: run the cell again";

const callOf = (job) => `${job.actor}(${job.arguments})`;

/** "14:03:22", with the day in front when that is not today. */
function clockText(millis, now = Date.now()) {
  const [when, today] = [new Date(millis), new Date(now)];
  const time = when.toTimeString().slice(0, 8);
  if (when.toDateString() === today.toDateString()) return time;
  const year = when.getFullYear() === today.getFullYear() ? undefined : "numeric";
  return `${when.toLocaleDateString(undefined, { day: "numeric", month: "short", year })}, ${time}`;
}

/** "12 ms", "1.2 s", "48 s", "3 min 20 s", "2 h 5 min". */
function durationText(millis) {
  const seconds = Math.max(0, millis) / 1000;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  return coarseText(Math.round(seconds));
}

function coarseText(whole) {
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** How long something has gone on, in whole seconds. */
const sinceText = (millis, now) => coarseText(Math.max(0, Math.floor((now - millis) / 1000)));

/** "in 0:54", "in 7:03:10", "in 3 d 4 h"; "now" for what is due. */
function countdownText(millis) {
  const whole = Math.ceil(millis / 1000);
  if (whole <= 0) return "now";
  if (whole >= 86400) return `in ${coarseText(whole)}`;
  const time = new Date(whole * 1000).toISOString().slice(11, 19);
  return `in ${time.replace(/^00:/, "").replace(/^0/, "")}`;
}

const countText = (number) => number.toLocaleString("en-US");
