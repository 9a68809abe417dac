"""The Rosetta page: its lines run, its facts hold, the page is what its source says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from labkit.course import rosetta as search
from labkit.course.finder import Finder
from labkit.course.rosetta import KINDS, entries
from labkit.errors import CourseError
from labkit.redis_throwaway import ThrowawayRedis
from tools import rosetta
from tools.notebooks import ROOT

needs_sidekiq = pytest.mark.skipif(not rosetta.has_sidekiq(), reason="no Sidekiq is installed here")


def test_every_twin_runs_and_does_what_it_says() -> None:
    command = [sys.executable, "-m", "tests.support_rosetta"]
    ran = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@needs_sidekiq
def test_every_fact_of_sidekiqs_holds_on_sidekiq() -> None:
    assert list(rosetta.untrue()) == []


@needs_sidekiq
def test_a_fact_that_does_not_hold_is_found() -> None:
    with ThrowawayRedis() as server:
        answers = rosetta._ask(["false", "TaskLoggerJob.nothing", "1 == 1"], False, server.url)
    assert answers[0] is False
    assert "nothing" in str(answers[1])
    assert answers[2] is True


def test_the_page_is_what_its_source_says() -> None:
    assert rosetta.PAGE.read_text(encoding="utf-8") == rosetta.page(), "make rosetta"


def test_a_line_is_whole_and_is_there_once() -> None:
    lines = entries()
    assert len({line.ruby for line in lines}) == len(lines)
    for line in lines:
        assert line.kind in KINDS
        assert line.ruby
        assert line.twin
        assert line.differs.endswith(".")
        assert line.kind == "python" or not line.holds


def test_the_guides_commands_options_and_files_are_all_there() -> None:
    text = "\n".join(line.ruby for line in entries())
    for word in (
        "brew install redis", "brew services start redis", "sidekiq", "bundle install",
        "config.active_job.queue_adapter", "config/initializers/sidekiq.rb", "configure_client",
        "configure_server", "network_timeout", "size: 4", "config/sidekiq.yml", ":concurrency:",
        ":queues:", "REDIS_URL", "redis-cli info", "tcp_port", "sidekiq -e", "sidekiq -C",
        "rails generate job", "task_logger_job.rb", "task_logger_job_test.rb", "ApplicationJob",
        "include Sidekiq::Job", "def perform", "rails c", "new.perform", "perform_async",
        "perform_in", "perform_at", "after_create", "Task.find", "task.attributes",
        "sidekiq/testing", "inline!", "fake!", "disable!", "rails g model log", "create_table",
        "db:migrate", "validates", "db:test:prepare", "Log.create!", "create(:task)",
        "assert_difference", "jobs.size", "drain", "flushdb", "flushall", "git add",
        "Active Job", "Resque", "Delayed Job", "middleware", "puma", "dyno", "bundle exec",
        "config/application.rb", "test_helper", "frozen_string_literal", "setup", "self.id",
        "application_job.rb", "~/.bashrc", "terminal",
    ):  # fmt: skip
        assert word in text, word


def test_a_search_wants_all_of_its_words_in_any_case(capsys: pytest.CaptureFixture[str]) -> None:
    search("PERFORM_in minute")
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 2
    assert "send_in" in shown[1]
    search("no line has this")
    assert len(capsys.readouterr().out.splitlines()) == 1
    with pytest.raises(CourseError, match="takes the words"):
        search(7)  # type: ignore[arg-type]


def test_the_widget_has_every_line_and_a_second_one_takes_its_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from labkit.course import finder

    search("drain")
    [first] = finder._shown.values()
    search()
    [second] = finder._shown.values()
    assert isinstance(second, Finder)
    assert first.comm is None
    assert len(second.rows) == len(entries())
    assert (first.words, second.words) == ("drain", "")
    capsys.readouterr()
