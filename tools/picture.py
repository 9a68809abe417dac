"""Makes docs/board.png, the README's picture: JupyterLab in a real Chromium, jobs under way."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.lab import Lab

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "board.png"
#: A shop's jobs: some end well, some do not.
SHOP = """
import threading
import dramatiq
from labkit.broker import LabBroker

dramatiq.set_broker(LabBroker())

@dramatiq.actor
def send_receipt(order_id):
    threading.Event().wait(0.05 + order_id % 5 / 40)

@dramatiq.actor(max_retries=1, min_backoff=200, max_backoff=200)
def charge_card(order_id, amount, card_token):
    threading.Event().wait(0.12)
    raise ConnectionError(f"the bank closed the connection during order {order_id}")

@dramatiq.actor(min_backoff=600_000, max_backoff=600_000)
def sync_stock(shelf):
    raise TimeoutError("the warehouse did not answer within 5 s")

@dramatiq.actor
def render_invoice(order_id, pages=1):
    threading.Event().wait(600)
"""
CELLS = (
    "from datetime import timedelta\n"
    "from shop import charge_card, render_invoice, send_receipt, sync_stock\n"
    "from labkit import Ledger\n"
    "from labkit.course.lab import wait_until\n"
    "from labkit.widgets import JobBoard\n"
    "from labkit.worker import Worker",
    "JobBoard()",
    "worker = Worker.start(threads=2, module='shop', queues=[])\n"
    "for order in (4711, 4712, 4713):\n"
    "    send_receipt.send(order)\n"
    "sync_stock.send('A7')\n"
    "charge_card.send(4712, amount=89.9, card_token='tok_visa')\n"
    "wait_until(lambda: Ledger().counts()['dead'])\n"
    "render_invoice.send(4713, pages=12)\n"
    "cancelled = send_receipt.send_with_options(args=(4714,), delay=3_600_000)\n"
    "Ledger().cancel(cancelled.message_id)\n"
    "send_receipt.send_with_options(args=(4715,), delay=1_800_000)\n"
    "for order in (4715, 4716):\n"
    "    render_invoice.send(order)\n"
    "print('sent')",
)


def take(target: Path) -> None:
    """Runs the cells in JupyterLab, on a Redis of their own, and photographs the window."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("labkit: the picture is taken in Chromium, and there is none on the PATH")
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        folder = Path(place).resolve()
        shutil.copy(ROOT / "labkit.toml", folder)
        variables = {
            "LABKIT_HOME": str(folder),
            "LABKIT_LOCAL_REDIS": "",
            "LABKIT_REDIS_LINGER": "1",
        }
        with Lab(folder, variables) as lab, sync_playwright() as playwright:
            (folder / "shop.py").write_text(SHOP)
            lab.write("board.ipynb", *CELLS)
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            notebook = lab.open(browser, "board.ipynb", size=(1240, 1210), device_scale_factor=2)
            page = notebook.page
            page.emulate_media(reduced_motion="reduce")
            notebook.run_all()
            notebook.wait_for_run(len(CELLS) - 1)
            board = page.locator(".lk-board")
            # What was sent last has reached the board, and one job runs for a while.
            board.locator("tbody tr", has_text="running").get_by_text("3 s").first.wait_for()
            board.locator(".lk-open", has_text="charge_card").click()
            # Where a file lies on this machine is nobody's business.
            board.locator(".lk-attempts summary").last.click()
            page.locator(".jp-WindowedPanel-outer").evaluate("outer => { outer.scrollTop = 0 }")
            page.locator(".lk-attempts pre").last.wait_for(state="hidden")
            page.mouse.move(0, 0)
            page.screenshot(path=target)
            notebook.close()
            browser.close()


if __name__ == "__main__":
    take(PICTURE)
    print(f"labkit: {PICTURE.relative_to(ROOT)}, {PICTURE.stat().st_size // 1024} kB")
