"""The kernel that looks on: a board that can be seen, in a process of its own."""

from __future__ import annotations

import os
import time

from labkit.widgets import JobBoard


def main() -> None:
    """Look until the process is ended."""
    board = JobBoard(os.environ["SOAK_URL"], limit=20)
    while True:
        time.sleep(5)
        board.hear({"kind": "seen", "visible": True})  # as a page that is open says it


if __name__ == "__main__":
    main()
