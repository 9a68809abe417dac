"""OneAhead: while Redis takes one slice of messages in, the next is made ready."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T", bound=Sequence[object])


class OneAhead(Generic[T]):
    """Pushes slices in a thread, one behind the caller; an error reaches the next call."""

    def __init__(self, push: Callable[[T], None]) -> None:
        self._push = push
        self._thread = ThreadPoolExecutor(1, "labkit-enqueue")
        self._under_way: Future[None] | None = None
        self._done = self._first = 0

    def __enter__(self) -> Callable[[T], None]:
        return self._next

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with self._thread:
            if kind is None:
                self._wait()

    def _next(self, ready: T) -> None:
        self._wait()
        self._first, self._done = self._done, self._done + len(ready)
        self._under_way = self._thread.submit(self._push, ready)

    def _wait(self) -> None:
        try:
            if self._under_way is not None:
                self._under_way.result()
        except Exception as error:
            last = self._done - 1
            error.add_note(
                f"Messages {self._first} to {last} were refused; those before were sent."
            )
            raise
