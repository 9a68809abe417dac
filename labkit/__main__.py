"""``python -m labkit``: the same as the command ``labkit``."""

from __future__ import annotations

from labkit.cli import app

if __name__ == "__main__":
    app(prog_name="labkit")
