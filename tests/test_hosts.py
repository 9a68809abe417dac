"""Workers on several hosts: one is cut off, one has a slow line, one a clock that is off."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from dramatiq import Message

from labkit.broker import LabBroker
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.widgets import JobBoard
from tests.support import wait_until
from tests.support_hosts import PORT, READY, Hosts
from tests.support_slow import PORT as SLOW_PORT
from tests.support_widgets import FakePage

#: Milliseconds after which a worker that says nothing counts as dead; by default it is a minute.
TIMEOUT = 4_000
NAMES = {"near", "far", "slow", "late"}


class Room:
    """Four workers on four hosts, and what their jobs have noted."""

    def __init__(self, hosts: Hosts, folder: Path) -> None:
        self.hosts, self.tally = hosts, folder / "tally"
        self.tally.touch()
        self.broker, self.ledger = LabBroker(url=hosts.url), Ledger(hosts.url)
        env = {"TALLY": str(self.tally), "TALLY_HEARTBEAT": str(TIMEOUT)}
        clock = {"TALLY_CLOCK": "-60"}
        for name in NAMES:
            host, url = hosts.add(name), hosts.far_url
            if name == "slow":
                host.start(
                    sys.executable, "-m", "tests.support_slow", "10.77.0.1", str(PORT), "100"
                )
                wait_until(lambda host=host: "listening" in host.said(), 20)
                url = f"redis://127.0.0.1:{SLOW_PORT}/0"
            hosts.start_worker(host, url, {**env, **(clock if name == "late" else {})})
        for name in NAMES:
            wait_until(lambda name=name: READY in hosts.hosts[name].said(), 60, f"{name} is ready")

    def send(self, actor: str, *args: object, delay: int | None = None) -> str:
        return self.broker.enqueue(Message("default", actor, args, {}, {}), delay=delay).message_id

    def lines(self) -> list[list[str]]:
        return [line.split() for line in self.tally.read_text().splitlines()]

    def said(self) -> str:
        return "".join(self.hosts.hosts[name].said() for name in NAMES)

    def ended(self) -> list[list[str]]:
        return [line for line in self.lines() if line[0] != "begin"]

    def wait_for(self, jobs: list[str], timeout: float = 20) -> None:
        def left() -> list[str]:
            known = [self.ledger.job(job_id) for job_id in jobs]
            return [str(job) for job in known if job is None or job.state is not JobState.COMPLETED]

        wait_until(lambda: not left(), timeout, f"{len(jobs)} jobs are done")


def hosts_shown(view: dict[str, Any]) -> set[str]:
    return {worker["address"].partition(":")[0] for worker in view["crew"].values()}


def test_four_hosts_of_which_one_is_cut_off_one_slow_and_one_late(tmp_path: Path) -> None:
    with Hosts(tmp_path) as hosts:
        room = Room(hosts, tmp_path)
        ledger, board = room.ledger, JobBoard(hosts.url)
        page = FakePage(board)
        wait_until(lambda: {card.host for card in ledger.workers()} == NAMES, 10, "all are known")
        page.ask(kind="look", crew=True)
        page.wait_until(lambda view: hosts_shown(view) == NAMES)
        assert {worker["here"] for worker in page.view["crew"].values()} == {False}

        # All work, and none is taken for dead: not the slow one, nor the one of another time.
        jobs = [room.send("linger", number, 0.1) for number in range(60)]
        later = room.send("count", 60, delay=1_000)
        room.wait_for([*jobs, later])
        assert sorted(int(line[0]) for line in room.ended()) == list(range(61))
        assert {line[1] for line in room.ended()} == NAMES
        for job_id in [*jobs, later]:
            job = ledger.job(job_id)
            assert job is not None
            assert job.times_lost == 0
            [attempt] = job.attempts
            # By the clock of Redis, also where the worker's own is a minute behind.
            due = job.eta or job.enqueued_at
            assert attempt.started_at is not None
            assert due is not None
            assert -0.5 < (attempt.started_at - due).total_seconds() < 30

        # The cable is pulled while it runs jobs, and holds others.
        held = [room.send("linger", number, 1.5) for number in range(100, 116)]
        mine = [f"{number}" for number in range(100, 116)]
        wait_until(lambda: [1 for line in room.lines() if line[::2] == ["begin", "far"]])
        hosts.cut("far")
        began = {line[1] for line in room.lines() if line[0] == "begin" and line[2] == "far"}
        began &= set(mine)
        wait_until(
            lambda: sum("died" in hosts.hosts[name].said() for name in NAMES), 20, "it is seen"
        )
        room.wait_for(held)
        lost = {job_id for job_id in held if (job := ledger.job(job_id)) and job.times_lost}
        assert len(lost) >= len(began) > 0
        assert {job.times_lost for job in map(ledger.job, lost) if job} == {1}
        wait_until(lambda: {card.host for card in ledger.workers()} == NAMES - {"far"}, 10)
        page.wait_until(lambda view: hosts_shown(view) == NAMES - {"far"})
        settled = {job_id: ledger.job(job_id) for job_id in held}
        completed = ledger.counts()[JobState.COMPLETED]

        # With the cable in again it says what it did. It comes too late, and changes nothing.
        hosts.mend("far")
        wait_until(lambda: {card.host for card in ledger.workers()} == NAMES, 20, "it is back")
        before = len(room.ended())
        more = []
        while not any(line[1] == "far" for line in room.ended()[before:]):
            more.append(room.send("linger", 200 + len(more), 0.05))
            wait_until(lambda: ledger.counts()[JobState.ENQUEUED] < 8)
        room.wait_for(more)
        assert {job_id: ledger.job(job_id) for job_id in held} == settled
        assert ledger.counts()[JobState.COMPLETED] == completed + len(more)
        assert len([line for line in room.said().splitlines() if "died" in line]) == 1
        assert check(ledger) == []
        print(f"cut off: {len(began)} ran and {len(lost)} came back once; {len(more)} behind it")
        board.close()
        room.broker.client.close()
        ledger.client.close()
