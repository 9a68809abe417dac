"""ThrowawayServer: what a Redis and a PostgreSQL that are thrown away have in common.

A folder and a port of their own; they end with this process too, also when that is killed with -9.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from labkit.redis_process import free_port, last_lines

if TYPE_CHECKING:
    from labkit.errors import LabkitError
    from labkit.tether import Tethered


class ThrowawayServer(ABC):
    """A context manager: entered, the server answers; left, it has ended and its folder is gone."""

    #: How errors name it, and what they are.
    _name: ClassVar[str]
    _error: ClassVar[type[LabkitError]]
    #: What ends it in order, and what ends it when nobody will ask for its data again.
    _stop_signal: ClassVar[int] = signal.SIGTERM
    _close_signal: ClassVar[int] = signal.SIGKILL

    def __init__(self) -> None:
        self.port = 0
        self._temporary: Path | None = None
        self._process: Tethered | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(port={self.port}, running={self.running})"

    def __enter__(self) -> Self:
        self._temporary = Path(tempfile.mkdtemp(prefix=f"labkit-{self._name.lower()}-"))
        try:
            self._make()
            self._start(wanted=None)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._started().pid

    @property
    def running(self) -> bool:
        """Whether the server process is there."""
        return self._process is not None and self._process.running

    def kill(self) -> None:
        """SIGKILL, as a machine that fails would end it."""
        self._started().kill()

    def stop(self) -> None:
        """End it in order, whoever is still connected."""
        self._end(self._stop_signal)

    def restart(self) -> None:
        """Start it again on the same port; stop it first when it runs."""
        if self.running:
            self.stop()
        self._start(wanted=self.port)

    def close(self) -> None:
        """End the server and remove its folder; safe to repeat."""
        if self._process is not None:
            self._end(self._close_signal)
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                shutil.rmtree(self._temporary)
            self._temporary = None

    @abstractmethod
    def _make(self) -> None:
        """Put into the folder what the server needs before its first start."""

    @abstractmethod
    def _launch(self, log: Path) -> Tethered:
        """Start a process on ``self.port`` which writes to ``log``."""

    @abstractmethod
    def _is_ready(self, process: Tethered) -> bool:
        """Wait until this very process answers; False when it will not."""

    def _start(self, wanted: int | None) -> None:
        log = self._folder / "server.log"
        # Between the choice of a port and the bind somebody else may take it, and one that was
        # killed may hold what it had for a moment more: then again.
        for _ in range(10):
            self.port = free_port(wanted)
            if wanted is not None and self.port != wanted:
                raise self._error(f"Port {wanted} has been taken by another program.")
            self._process = self._launch(log)
            if self._is_ready(self._process):
                return
            self._process.kill()
            if "in use" not in last_lines(log):
                break
        raise self._error(f"A throwaway {self._name} did not start:\n{last_lines(log)}")

    def _end(self, number: int) -> None:
        process = self._started()
        process.signal(number)
        process.wait(10)
        # Of one that has ended it still closes what held it.
        process.kill()

    def _started(self) -> Tethered:
        if self._process is None:
            raise self._is_not_started()
        return self._process

    @property
    def _folder(self) -> Path:
        if self._temporary is None:
            raise self._is_not_started()
        return self._temporary

    def _is_not_started(self) -> LabkitError:
        name = type(self).__name__
        return self._error(f"This {name} is not started: enter it with `with`.")
