"""Runs all notebooks under nbval again and again, as a nightly job would, and counts the flakes.

``make nightly`` runs them 100 times, ``ARGS='--runs 5 05'`` those with 05 in the name five times.
It goes on after a failure; the whole output of a run that failed is kept beside the count.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "build" / "nightly"


def once(names: list[str]) -> str:
    """One run of the notebooks; what it said if it failed, else nothing."""
    command = [sys.executable, str(ROOT / "tools" / "notebooks.py"), "--check", *names]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return f"{ran.stdout}\n{ran.stderr}" if ran.returncode else ""


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status: 1 if any run failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("names", nargs="*", help="parts of notebooks' names (default: all)")
    options = parser.parse_args(arguments)
    failed = 0
    for number in range(1, options.runs + 1):
        began = time.monotonic()
        said = once(options.names)
        verdict = "passed"
        if said:
            failed += 1
            KEPT.mkdir(parents=True, exist_ok=True)
            kept = KEPT / f"run-{number}.log"
            kept.write_text(said, encoding="utf-8")
            verdict = f"FAILED, see {kept.relative_to(ROOT)}"
        print(f"run {number}: {verdict}, {time.monotonic() - began:.0f} s", flush=True)
    print(f"{options.runs - failed} of {options.runs} runs passed")
    return int(failed > 0 or options.runs < 1)


if __name__ == "__main__":
    sys.exit(main())
