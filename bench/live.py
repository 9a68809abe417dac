"""How live the board is: from a write in Redis to the pixel, and what that costs.

    .venv/bin/python -m bench.live

It opens a JupyterLab with one board in a Chromium, sends jobs at a steady rate, and prints, for
each of them, when the board counted it; then the messages and bytes that came, the kernel's share
of a core, and the commands that Redis got while nothing moved, and while the board was hidden.
Nothing is asserted: on a machine that does other things the figures are those of that, too.
"""

from __future__ import annotations

import argparse
import bisect
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from dramatiq import Message
from playwright.sync_api import sync_playwright

from labkit.broker import LabBroker
from labkit.redis_server import ThrowawayRedis
from tests.browser.lab import Lab

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from redis import Redis

#: Jobs in one step of the sender, which sends a few at a time, as an application does.
STEP = 10
GOALS = "goals: 90 ms at the median, 250 ms at p99; 20 messages/s, 50 KB/s; 5 % of a core"
CELL = "import os\nfrom labkit.widgets import JobBoard\nprint(os.getpid())\nJobBoard()"
#: Notes each count that the board has painted, and when, by the clock that the sender uses too.
WATCH = """
() => {
  const count = document.querySelector(".lk-board [role=tab][data-state=enqueued] .lk-count");
  window.painted = [];
  new MutationObserver(() => {
    const shown = Number(count.textContent.replaceAll(",", ""));
    setTimeout(() => window.painted.push([Date.now() / 1000, shown]));
  }).observe(count, { childList: true, characterData: true, subtree: true });
}
"""


def send(broker: LabBroker, rate: int, seconds: float) -> list[tuple[float, int]]:
    """Send jobs at this rate; returns when how many had been sent."""
    sent: list[tuple[float, int]] = []
    begun = time.monotonic()
    while (elapsed := time.monotonic() - begun) < seconds:
        due = int(elapsed * rate) // STEP * STEP
        done = sent[-1][1] if sent else 0
        if due > done:
            messages: list[Message[Any]] = [
                Message("default", "task_logger", (number,), {}, {}) for number in range(done, due)
            ]
            broker.enqueue_many(messages)
            sent.append((time.time(), due))
        time.sleep(0.002)
    return sent


def latencies(sent: list[tuple[float, int]], painted: list[tuple[float, int]]) -> list[float]:
    """Milliseconds from each step's write to the first picture that counts it."""
    counts = [count for _, count in painted]
    places = [(at, bisect.bisect_left(counts, number)) for at, number in sent]
    return [(painted[place][0] - at) * 1000 for at, place in places if place < len(painted)]


def commands(client: Redis[bytes], seconds: float) -> float:
    """The commands a second that Redis gets from others than the one who asks."""

    def count() -> int:
        stats: Any = client.info("commandstats")
        return sum(one["calls"] for name, one in stats.items() if name != "cmdstat_info")

    before = count()
    time.sleep(seconds)
    return (count() - before) / seconds


def size_of(frame: dict[str, Any]) -> int:
    """The bytes of a frame; binary ones are told in base 64."""
    length = len(frame["payloadData"])
    return length * 3 // 4 if frame["opcode"] == 2 else length


def measure(page: Page, server: ThrowawayRedis, pid: int, rate: int, seconds: float) -> None:
    """All figures of one board on one page."""
    client, broker, kernel = server.client(), LabBroker(url=server.url), psutil.Process(pid)
    frames: list[int] = []
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.on(
        "Network.webSocketFrameReceived", lambda one: frames.append(size_of(one["response"]))
    )
    page.locator(".lk-board [data-status=live]").wait_for(timeout=60_000)
    page.evaluate(WATCH)
    print(f"idle: {commands(client, 10):.1f} Redis commands/s")

    frames.clear()
    begun, cpu = time.monotonic(), sum(kernel.cpu_times()[:2])
    sent = send(broker, rate, seconds)
    page.wait_for_function(f"painted.length && painted.at(-1)[1] >= {sent[-1][1]}", timeout=30_000)
    took = time.monotonic() - begun
    share = (sum(kernel.cpu_times()[:2]) - cpu) / took
    times = sorted(latencies(sent, page.evaluate("painted")))
    print(f"{sent[-1][1] / seconds:,.0f} transitions/s for {seconds:g} s")
    print(
        f"write to pixel: median {statistics.median(times):.0f} ms, "
        f"p99 {times[int(len(times) * 0.99)]:.0f} ms, worst {times[-1]:.0f} ms"
    )
    print(f"{len(frames) / took:.1f} messages/s, {sum(frames) / took / 1000:.1f} KB/s")
    print(f"{share:.1%} of a core in the kernel")

    page.locator(".lk-board").evaluate("board => { board.style.display = 'none' }")
    time.sleep(5)
    print(f"hidden: {commands(client, 10):.1f} Redis commands/s")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rate", type=int, default=1_000, help="transitions a second")
    parser.add_argument("--seconds", type=float, default=15, help="for how long")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("labkit: this needs Chromium, and there is none on the PATH")
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place,
        ThrowawayRedis() as server,
    ):
        folder = Path(place)
        (folder / "labkit.toml").write_text("concurrency = 1\n")
        variables = {"LABKIT_HOME": place, "REDIS_URL": server.url}
        with Lab(folder, variables) as lab, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            lab.write("live.ipynb", CELL)
            notebook = lab.open(browser, "live.ipynb")
            notebook.run_all()
            notebook.wait_for_run(0)
            pid = int(notebook.cell(0).locator("pre").last.inner_text())
            measure(notebook.page, server, pid, options.rate, options.seconds)
            notebook.close()
            browser.close()
    print(GOALS)


if __name__ == "__main__":
    main()
