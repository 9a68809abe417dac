"""The testing modes: as a block for one thread, or for the whole process."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from labkit import modes
from labkit.actors import LabActor, actor
from labkit.broker import LabBroker
from labkit.errors import ArgumentNotJSON, ModeError
from labkit.modes import Mode
from labkit.testing import assert_difference, disabled, drain, fake, inline

runs: list[tuple[object, ...]] = []


@pytest.fixture
def note(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> LabActor[..., None]:
    runs.clear()
    broker = LabBroker(url=redis_url)
    monkeypatch.setattr("dramatiq.broker.global_broker", broker)

    @actor
    def note(*args: object) -> None:
        runs.append(args)

    return note


def waiting(note: LabActor[..., None]) -> int:
    assert isinstance(note.broker, LabBroker)
    return int(note.broker.do_qsize("default"))


def test_fake_keeps_jobs_in_a_list(note: LabActor[..., None]) -> None:
    with fake():
        with assert_difference(lambda: len(note.jobs), 2):
            note.send(1)
            note.send_in(timedelta(days=1), 2)
        assert [job.args for job in note.jobs] == [(1,), (2,)]
    assert waiting(note) == 0
    assert runs == []


def test_drain_runs_all_delayed_ones_and_those_that_they_send(note: LabActor[..., None]) -> None:
    @actor
    def parent(n: int) -> None:
        note.send(n)
        note.send_in(timedelta(hours=1), n + 1)

    with fake():
        parent.send(5)
        assert drain() == 3
        assert runs == [(5,), (6,)]
        assert drain() == 0


def test_a_fake_job_that_raises_leaves_the_list_and_raises(note: LabActor[..., None]) -> None:
    @actor
    def fail() -> None:
        raise RuntimeError("broken")

    with fake():
        fail.send()
        note.send(1)
        with pytest.raises(RuntimeError, match="broken"):
            drain()
        assert fail.jobs == []
        assert len(note.jobs) == 1


def test_arguments_go_through_json_in_both(note: LabActor[..., None]) -> None:
    for mode in (fake, inline):
        runs.clear()
        with mode():
            note.send((1, 2), {"a": (3,)})
            if mode is fake:
                drain()
            assert runs == [([1, 2], {"a": [3]})]
            with pytest.raises(ArgumentNotJSON):
                note.send({1})


def test_inline_runs_at_once_in_this_thread(note: LabActor[..., None]) -> None:
    threads: list[str] = []

    @actor
    def where() -> None:
        threads.append(threading.current_thread().name)

    with inline():
        where.send()
        note.send_in(timedelta(days=1), 1)
    assert threads == [threading.current_thread().name]
    assert runs == [(1,)]
    assert waiting(note) == 0


def test_inline_raises_to_the_caller_and_does_not_retry(note: LabActor[..., None]) -> None:
    tries: list[int] = []

    @actor
    def fail() -> None:
        tries.append(1)
        raise RuntimeError("broken")

    with inline(), pytest.raises(RuntimeError, match="broken"):
        fail.send()
    assert tries == [1]
    assert waiting(note) == 0


def test_inline_follows_a_pipeline(note: LabActor[..., None]) -> None:
    @actor
    def double(n: int) -> int:
        return 2 * n

    with inline():
        (double.message(4) | note.message()).run()
    assert runs == [(8,)]


def test_disabled_sends_to_redis(note: LabActor[..., None]) -> None:
    with disabled():
        note.send(1)
    assert waiting(note) == 1


def test_the_whole_process_and_a_block_that_differs(note: LabActor[..., None]) -> None:
    fake.everywhere()
    note.send(1)
    assert len(note.jobs) == 1
    with inline():
        note.send(2)
    with disabled():
        note.send(3)
    assert (runs, waiting(note), len(note.jobs)) == ([(2,)], 1, 1)
    disabled.everywhere()
    fake.everywhere()
    assert note.jobs == []


def test_a_block_is_its_threads_alone(note: LabActor[..., None]) -> None:
    seen: list[Mode] = []
    with fake():
        thread = threading.Thread(target=lambda: seen.append(modes.current()))
        thread.start()
        thread.join()
    assert seen == [Mode.DISABLED]


def test_nesting_raises_and_says_which(note: LabActor[..., None]) -> None:
    with fake(), pytest.raises(ModeError, match=r"inside `with fake\(\):`"), inline():
        pass
    with inline(), pytest.raises(ModeError, match="Leave the block first"):
        fake.everywhere()


def test_jobs_outside_fake_names_the_ledger(note: LabActor[..., None]) -> None:
    with pytest.raises(ModeError, match="Ledger"):
        _ = note.jobs
    with pytest.raises(ModeError, match="with fake"):
        drain()


def test_a_fake_not_entered_changes_nothing(note: LabActor[..., None]) -> None:
    fake()
    assert modes.current() is Mode.DISABLED
    note.send(1)
    assert waiting(note) == 1


def test_a_difference_that_is_not_there_fails_with_both_values() -> None:
    with pytest.raises(AssertionError, match="of 2, and it is 1: 0 before, 1 after"):  # noqa: SIM117
        with assert_difference(lambda: len(runs), 2):
            runs.append(())
    runs.clear()


class TestNothingLeaks:
    """In this order: the first leaves everything behind, the second finds it clean."""

    def test_leaves_a_mode_and_jobs(self, note: LabActor[..., None]) -> None:
        fake.everywhere()
        note.send(1)

    def test_finds_neither(self, note: LabActor[..., None]) -> None:
        assert modes.current() is Mode.DISABLED
        assert modes.fake_jobs() == []
