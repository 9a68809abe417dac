"""Model hooks: call a function when a row has been inserted, or when it has been committed.

``after_create`` runs inside the transaction, as the guide's hook does: a job that it enqueues may
start before the row is there for others to see, and runs although the transaction is rolled back
later. ``after_commit`` has neither fault, and is the one to use.

No listener exists while no hook is registered, so hooks cost nothing where there are none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session, SessionTransaction

M = TypeVar("M")

_INSERTED = "labkit.inserted"
_COMMITTED = "labkit.committed"

_hooks: dict[tuple[object, ...], Hook] = {}
_lock = threading.Lock()


class Hook:
    """A registered hook; ``remove()`` ends it, and may be repeated."""

    def __init__(self, when: str, model: type[Any], callback: Callable[[Any], object]) -> None:
        self.when = when
        self.model = model
        self.callback = callback
        self._key = (when, model.__module__, model.__qualname__, *_identity(callback))
        global _hooks
        with _lock:
            if not _hooks:
                _listen(event.listen)
            # Others may be going through the old dictionary: it is never changed.
            _hooks = {**_hooks, self._key: self}

    def remove(self) -> None:
        """Call the callback no more; nothing happens when it has been replaced or removed."""
        global _hooks
        with _lock:
            if _hooks.get(self._key) is self:
                _hooks = {key: hook for key, hook in _hooks.items() if hook is not self}
                if not _hooks:
                    _listen(event.remove)

    def __repr__(self) -> str:
        name = getattr(self.callback, "__qualname__", repr(self.callback))
        return f"{self.when}({self.model.__name__}, {name})"


def after_commit(model: type[M], callback: Callable[[M], object]) -> Hook:
    """Call ``callback(row)`` for each new row of ``model``, once its transaction has committed.

    It is not called for a row that was rolled back, with the transaction or with a savepoint, or
    that was deleted again before the commit. A callback that raises cannot undo the commit: the
    row is saved, the remaining callbacks run, and then the first error reaches whoever committed.

    Registering a callback of the same module and name again replaces it, so that a cell may be
    run again.

    Returns:
      Hook: its ``remove()`` takes the callback away.
    """
    return Hook("after_commit", model, callback)


def after_create(model: type[M], callback: Callable[[M], object]) -> Hook:
    """Call ``callback(row)`` for each new row of ``model`` inside its transaction.

    The row has its id, and no other connection can see it yet. A callback that raises makes the
    flush fail, so the row is not saved.

    Returns:
      Hook: its ``remove()`` takes the callback away.
    """
    return Hook("after_create", model, callback)


@contextmanager
def only(*wanted: tuple[str, type[Any], Callable[[Any], object]]) -> Iterator[None]:
    """In this block no other hooks are in force than these, each (when, model, callback).

    For the whole process: a test of what a hook is worth, or of whoever relies on one.
    """
    global _hooks
    with _lock:
        before, _hooks = _hooks, {}
        if before:
            _listen(event.remove)
    mine = [Hook(*each) for each in wanted]
    try:
        yield
    finally:
        for hook in mine:
            hook.remove()
        with _lock:
            if before:
                _listen(event.listen)
            _hooks = before


def forget(module: str) -> None:
    """Remove the hooks whose callbacks ``module`` declares, because it is about to be read anew."""
    for hook in tuple(_hooks.values()):
        if getattr(hook.callback, "__module__", None) == module:
            hook.remove()


def _identity(callback: Callable[[Any], object]) -> tuple[object, ...]:
    """What makes a callback the same one as before: its name, as a re-run cell makes a new one.

    A method is also told apart by its object, and a lambda by the line that it stands on.
    """
    owner = getattr(callback, "__self__", None)
    name = getattr(callback, "__qualname__", None)
    if name is None:
        return (id(callback),)
    code = getattr(callback, "__code__", None)
    place = (code.co_filename, code.co_firstlineno) if code and "<lambda>" in name else ()
    return (getattr(callback, "__module__", None), name, id(owner), *place)


def _listen(how: Callable[..., None]) -> None:
    how(Session, "after_flush", _note_inserted)
    how(Session, "after_commit", _note_committed)
    how(Session, "after_transaction_end", _run_after_commit)


def _note_inserted(session: Session, context: object) -> None:
    hooks = tuple(_hooks.values())
    rows = [row for row in session.new if any(isinstance(row, hook.model) for hook in hooks)]
    session.info.setdefault(_INSERTED, []).extend(rows)
    for row in rows:
        for hook in hooks:
            if hook.when == "after_create" and isinstance(row, hook.model):
                hook.callback(row)


def _note_committed(session: Session) -> None:
    # Releasing a savepoint is announced in the same way, and commits nothing.
    if session.get_nested_transaction() is None:
        rows = session.info.pop(_INSERTED, [])
        # A row that was rolled back with its savepoint, or deleted, is no longer persistent.
        session.info[_COMMITTED] = [row for row in rows if inspect(row).persistent]


def _run_after_commit(session: Session, transaction: SessionTransaction) -> None:
    # Only now is the session itself free again for what a callback may do with it.
    if transaction.parent is not None:
        return
    session.info.pop(_INSERTED, None)
    errors: list[Exception] = []
    for row in session.info.pop(_COMMITTED, []):
        for hook in tuple(_hooks.values()):
            if hook.when == "after_commit" and isinstance(row, hook.model):
                try:
                    hook.callback(row)
                except Exception as error:
                    errors.append(error)
    if errors:
        for other in errors[1:]:
            errors[0].add_note(f"and another hook failed after this commit: {other!r}")
        raise errors[0]
