"""Makes docs/rosetta.md of ``labkit/course/rosetta.toml``, and holds its facts against Sidekiq.

``--write`` puts the page there. Where Ruby and Sidekiq are installed (Debian: ruby-sidekiq) each
line's ``check`` is run, on a Redis that is thrown away.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby

from labkit.course.rosetta import HEAD, Entry, entries
from labkit.redis_throwaway import ThrowawayRedis
from tools.readme import ROOT

PAGE = ROOT / "docs" / "rosetta.md"
INTRODUCTION = """\
# The guide's words, and ours

The course follows a guide to background jobs with Sidekiq on Rails. Here is every command, option,
file, key and term of it, in its order, with what does the same in Dramatiq and labkit, and where
the two behave otherwise. In a notebook `rosetta("drain")` searches these lines.

Written by `make rosetta` from [rosetta.toml](../labkit/course/rosetta.toml). Each line of Python
and each command is run by `tests/test_rosetta.py`, and where Sidekiq is installed (6.4.1, Debian's
`ruby-sidekiq`) each fact of Sidekiq's that is marked ✓. What is Rails's own is not run.
"""
#: Ruby around the checks: a job as the guide has it, and Sidekiq's own source to look into.
BEFORE = """\
require "json"
require "sidekiq"
require "sidekiq/api"
require "sidekiq/fetch"
require "sidekiq/job_retry"
Redis.silence_deprecations = true if Redis.respond_to?(:silence_deprecations=)
Redis.sadd_returns_boolean = false if Redis.respond_to?(:sadd_returns_boolean=)
Sidekiq.configure_client { |config| config.redis = { url: ENV.fetch("REDIS_URL") } }

class TaskLoggerJob
  include Sidekiq::Job
  def perform(task_id) = nil
end

def source(name)
  File.read($LOAD_PATH.map { |at| "#{at}/sidekiq/#{name}.rb" }.find { |at| File.exist?(at) })
end
"""


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for section, lines in groupby(entries(), key=lambda entry: entry.section):
        rows = [f"| {' | '.join(HEAD)} |", "|---|---|---|", *map(_row, lines)]
        parts.append(f"## {section}\n\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(entry: Entry) -> str:
    # A table of Markdown has one line a row, and its bars are its own.
    twin = entry.twin if entry.kind == "word" else "<br>".join(map(_code, _lines(entry.twin)))
    differs = f"{entry.differs}{' ✓' if entry.check else ''}"
    return "| " + " | ".join((_bars(_code(entry.ruby)), _bars(twin), _bars(differs))) + " |"


def _lines(code: str) -> list[str]:
    # A no-break space stays where Markdown would drop the indentation.
    return [
        "\N{NO-BREAK SPACE}" * (len(line) - len(line.lstrip())) + line.lstrip()
        for line in code.splitlines()
        if line
    ]


def _code(text: str) -> str:
    return f"`{text}`"


def _bars(text: str) -> str:
    return text.replace("|", "\\|")


def has_sidekiq() -> bool:
    """Whether there is a Ruby here that can load Sidekiq."""
    probe = ["ruby", "-e", "require 'sidekiq'"]
    return bool(shutil.which("ruby")) and not subprocess.run(probe, capture_output=True).returncode


def untrue() -> Iterator[str]:
    """The Ruby facts that Sidekiq does not bear out, one line each."""
    with ThrowawayRedis() as server:
        for testing in (False, True):
            facts = [entry for entry in entries() if entry.check and entry.testing is testing]
            answers = _ask([entry.check for entry in facts], testing, server.url)
            for entry, answer in zip(facts, answers, strict=True):
                if answer is not True:
                    yield f"{entry.ruby}: {entry.check}: {answer}"


def _ask(checks: list[str], testing: bool, url: str) -> list[object]:
    script = BEFORE + ('require "sidekiq/testing"\n' if testing else "")
    script += (
        "puts JSON.generate(JSON.parse($stdin.read).map { |check| "
        "begin; !!eval(check); rescue Exception => error; error.message; end })\n"
    )
    ran = subprocess.run(
        ["ruby", "-e", script],
        input=json.dumps(checks),
        env={**os.environ, "REDIS_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(f"labkit: Ruby does not run the checks:\n{ran.stderr}")
    answers: list[object] = json.loads(ran.stdout.splitlines()[-1])
    return answers


def main() -> int:
    """The command line; returns the exit status."""
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        print("docs/rosetta.md is not what its source says: make rosetta")
        return 1
    if not has_sidekiq():
        print("Sidekiq is not installed here: its facts are not checked (apt install ruby-sidekiq)")
        return 0
    found = list(untrue())
    print("\n".join(found) or f"{sum(bool(e.check) for e in entries())} facts hold on Sidekiq")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
