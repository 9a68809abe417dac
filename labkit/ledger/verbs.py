"""Verbs: what can be done to a job, for which it is, and what becomes of its message."""

from __future__ import annotations

from typing import Any, Final

from dramatiq import Message

from labkit.codec import decode
from labkit.ledger.records import JobState

#: What each action makes of a job, as a word, and the states of the jobs that it is for.
ACTIONS: Final = {
    "run_now": ("set to run now", {JobState.SCHEDULED, JobState.RETRYING}),
    "reschedule": ("moved", {JobState.SCHEDULED, JobState.RETRYING}),
    "cancel": ("cancelled", {JobState.SCHEDULED, JobState.ENQUEUED, JobState.RETRYING}),
    "retry": ("retried", {JobState.DEAD, JobState.RETRYING}),
    "delete": ("deleted", {JobState.COMPLETED, JobState.DEAD, JobState.CANCELLED}),
}
#: What Dramatiq writes into the options of a message that failed; a retried one begins anew.
_MARKS_OF_FAILURE = {"retries", "traceback", "requeue_timestamp"}


def renew(payload: bytes, name: str, queue: str) -> Message[Any]:
    """A dead letter as a new message, with all its attempts before it.

    Raises:
      ValueError: it is no message.
    """
    return _rewrite(payload, name, queue, _MARKS_OF_FAILURE | {"eta"})


def retime(payload: bytes, name: str, queue: str, eta: str) -> Message[Any]:
    """A delayed message as one for another time, in milliseconds; ``"-"`` is for now.

    A stock worker reads the time in the message, and would wait for that which stood there.

    Raises:
      ValueError: it is no message.
    """
    if eta == "-":
        return _rewrite(payload, name, queue, {"eta"})
    return _rewrite(payload, name, f"{queue}.DQ", set(), eta=int(eta))


def _rewrite(payload: bytes, name: str, queue: str, without: set[str], **more: Any) -> Message[Any]:
    message = decode(payload, name)
    options = {key: value for key, value in message.options.items() if key not in without}
    return Message(
        queue,
        message.actor_name,
        message.args,
        message.kwargs,
        {**options, **more},
        message.message_id,
        message.message_timestamp,
    )
