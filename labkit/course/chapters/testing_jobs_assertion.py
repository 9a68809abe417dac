"""Chapter 07's last exercise: an assertion to keep, tried on blocks that it must tell apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit import modes
from labkit.actors import LabActor, actor
from labkit.broker import LabBroker
from labkit.course.exercise import NotAttempted, Wrong
from labkit.course.failure import told
from labkit.errors import ModeError
from labkit.ledger.reader import Ledger
from labkit.modes import Mode
from labkit.redis_server import ThrowawayRedis

WANTED, OTHER = 4711, 8055
Job = LabActor[..., None]


class _Refused(Exception):
    """What goes wrong in the block itself."""


def check_assertion(assert_enqueued: Any) -> None:
    """Try the learner's assertion on blocks for which it must hold, and on others."""
    if not callable(assert_enqueued):
        raise Wrong("`assert_enqueued` is not a function any more: define it with `def`")
    with ThrowawayRedis() as server:
        broker, ledger = LabBroker(url=server.url, middleware=[]), Ledger(url=server.url)

        @actor(broker=broker, actor_name="note")
        def note(*arguments: Any) -> None: ...

        @actor(broker=broker, actor_name="tell")
        def tell(*arguments: Any) -> None: ...

        def attempt(*sent: tuple[Job, int], fails: bool = False) -> Exception | None:
            error = _attempt(assert_enqueued, note, sent, fails)
            if any(ledger.counts().values()):
                raise Wrong(
                    "your assertion chooses no mode, so the block's job went to Redis. In which "
                    "mode are jobs kept in a list?"
                )
            return error

        right = (note, WANTED)
        _judge_good(attempt(right), "one job was sent, with the right argument")
        _judge_good(attempt((tell, OTHER), right), "another job was sent beside the right one")
        _judge_bad(attempt, [], "no job at all")
        _judge_bad(attempt, [right, right], "two jobs for one")
        _judge_bad(attempt, [(note, OTHER)], "a job with another argument than asked for")
        _judge_bad(attempt, [right, (note, OTHER)], "the job, and once more for somebody else")
        _judge_bad(attempt, [(tell, WANTED)], "a job of another name")
        _judge_message(attempt((note, OTHER)))
        _judge_own_error(attempt(fails=True))
        _judge_among_others(attempt, right)
        broker.close()


def _attempt(
    assertion: Callable[..., Any], job: Job, sent: tuple[tuple[Job, int], ...], fails: bool
) -> Exception | None:
    """The error with which a block ends that sends these jobs, if it does."""
    try:
        block = assertion(job, WANTED)
        if not hasattr(block, "__enter__"):
            raise Wrong(
                f"it returns a {type(block).__name__}, which `with` cannot use. Is "
                "`@contextmanager` above it, and a `yield` inside?"
            )
        with block as given:
            if given is ...:
                raise NotAttempted
            for sends, argument in sent:
                sends.send(argument)
            if fails:
                raise _Refused("the payment was refused")
    except (NotAttempted, Wrong):
        raise
    except ModeError as error:
        raise Wrong(
            f"it asks for the list of jobs where there is none. The list of `with fake():` ends "
            f"with the block ({error})"
        ) from None
    except Exception as error:
        return error
    return None


def _judge_good(error: Exception | None, what: str) -> None:
    if error is not None:
        raise Wrong(f"{what}, and your assertion fails ({told(error)})")


def _judge_bad(
    attempt: Callable[..., Exception | None], sent: list[tuple[Job, int]], what: str
) -> None:
    error = attempt(*sent)
    if error is None:
        raise Wrong(f"your assertion holds for a block that sends {what}")
    if not isinstance(error, AssertionError):
        raise Wrong(f"for a block that sends {what} it raises no AssertionError ({told(error)})")


def _judge_message(error: Exception | None) -> None:
    if str(OTHER) not in str(error):
        raise Wrong(
            f"it fails where it should, and its text {str(error)!r} says nothing of what was sent "
            "instead. Outside of test files pytest adds nothing to a bare `assert`"
        )


def _judge_own_error(error: Exception | None) -> None:
    if not isinstance(error, _Refused):
        raise Wrong(
            f"the block raised an error of its own, and {error!r} came out: the cause of the "
            "failure is hidden behind your assertion"
        )


def _judge_among_others(attempt: Callable[..., Exception | None], right: tuple[Job, int]) -> None:
    """Tests often are in the fake mode as a whole, and have sent jobs before the block."""
    before = modes.current()
    modes.set_everywhere(Mode.FAKE)
    try:
        right[0].send(right[1])
        error = attempt(right)
    finally:
        modes.set_everywhere(before)
    _judge_good(error, "a job was sent before the block, and one inside it")


# What stands before the exercise in the notebook, and answers to try its check on.
SETUP = """\
from contextlib import contextmanager

from labkit import Ledger
from labkit.testing import fake
"""

STUB = """\
@contextmanager
def assert_enqueued(job, *arguments):
    yield ..."""

SOLUTION = """\
@contextmanager
def assert_enqueued(job, *arguments):
    with fake():
        yield
        sent = [message.args for message in job.jobs]
    assert sent == [arguments], f"expected {arguments} once, and sent was {sent}"
"""

OTHERWISE = """\
class assert_enqueued:
    def __init__(self, job, *arguments):
        self.job, self.arguments = job, arguments

    def __enter__(self):
        self.mode = fake()
        self.mode.__enter__()

    def __exit__(self, kind, error, trace):
        sent = [list(message.args) for message in self.job.jobs]
        self.mode.__exit__(None, None, None)
        if error is None and (len(sent) != 1 or sent[0] != list(self.arguments)):
            raise AssertionError(f"{self.job.actor_name} was sent with {sent}")
"""

NO_MODE = """\
@contextmanager
def assert_enqueued(job, *arguments):
    before = len(Ledger().jobs("enqueued"))
    yield
    assert len(Ledger().jobs("enqueued")) == before + 1
"""

ANY_JOB = """\
@contextmanager
def assert_enqueued(job, *arguments):
    with fake():
        yield
        assert arguments in [message.args for message in job.jobs], job.jobs
"""

ONE_JOB = """\
@contextmanager
def assert_enqueued(job, *arguments):
    with fake():
        yield
        assert len(job.jobs) == 1, job.jobs
"""

ONE_OF_THEM = """\
@contextmanager
def assert_enqueued(job, *arguments):
    with fake():
        yield
        assert [message.args for message in job.jobs].count(arguments) == 1, job.jobs
"""

NO_MANAGER = """\
def assert_enqueued(job, *arguments):
    with fake():
        yield
        assert [message.args for message in job.jobs] == [arguments], job.jobs
"""

TOO_LATE = """\
@contextmanager
def assert_enqueued(job, *arguments):
    with fake():
        yield
    assert [message.args for message in job.jobs] == [arguments]
"""

BARE = """\
@contextmanager
def assert_enqueued(job, *arguments):
    with fake():
        yield
        assert [message.args for message in job.jobs] == [arguments]
"""

HIDES = """\
@contextmanager
def assert_enqueued(job, *arguments):
    with fake():
        try:
            yield
        finally:
            sent = [message.args for message in job.jobs]
            assert sent == [arguments], f"expected {arguments} once, and sent was {sent}"
"""
