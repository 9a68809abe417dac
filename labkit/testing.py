"""Testing modes: jobs kept in a list, run at once, or sent to Redis as ever.

    with fake():                       # this thread's jobs go into a list
        task_logger.send(1)
        task_logger.jobs               # -> [Message]
        drain()                        # runs them; -> 1
    with inline():                     # … run at once, in this thread, arguments through JSON
        task_logger.send(1)
    with disabled():                   # … go to Redis, inside a process that is otherwise fake

    fake.everywhere()                  # the whole process, until disabled.everywhere()

Importing this module changes nothing, and entering one mode inside another raises. A job that
raises in ``inline`` or ``drain`` raises to the caller, and is not retried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from labkit import modes
from labkit.actors import default_broker
from labkit.broker import LabBroker
from labkit.errors import ModeError
from labkit.modes import Mode


class TestingMode:
    """``fake``, ``inline`` or ``disabled``: call it for a block, ``everywhere`` for the process."""

    __test__ = False  # not a test case, whatever pytest makes of the name

    def __init__(self, mode: Mode) -> None:
        self._mode = mode

    def __call__(self) -> AbstractContextManager[None]:
        """A block in which this thread is in the mode.

        Raises:
          ModeError: on entry, when the thread already is in such a block.
        """
        return modes.block(self._mode)

    def everywhere(self) -> None:
        """Put the whole process into the mode; jobs that the fake mode kept are dropped.

        Raises:
          ModeError: inside a block.
        """
        modes.set_everywhere(self._mode)

    def __repr__(self) -> str:
        return f"labkit.testing.{self._mode.value}"


fake = TestingMode(Mode.FAKE)
inline = TestingMode(Mode.INLINE)
disabled = TestingMode(Mode.DISABLED)


def drain() -> int:
    """Run every fake job, delayed ones too, and those that they send; returns how many ran.

    Raises:
      ModeError: outside the fake mode.
      Exception: whatever a job raises; that job has left the list.
    """
    broker = default_broker()
    if not isinstance(broker, LabBroker):
        raise ModeError("drain() runs the jobs of a LabBroker, and another broker is set.")
    return broker.drain()


@contextmanager
def assert_difference(measure: Callable[[], Any], by: Any = 1) -> Iterator[None]:
    """Assert that ``measure()`` grows by ``by`` between the start and the end of the block."""
    __tracebackhide__ = True
    before = measure()
    yield
    after = measure()
    if after - before != by:
        raise AssertionError(
            f"expected a difference of {by}, and it is {after - before}: {before} before, "
            f"{after} after"
        )
