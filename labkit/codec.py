"""Messages as bytes and back: what a message can carry, and what is no message.

Only JSON's own types travel from the sender to the worker. Sidekiq turns a date into a string and
warns at most; here the sender is told at the call.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from typing import Any

from dramatiq import JSONEncoder, Message, get_encoder
from dramatiq.errors import DecodeError

from labkit.errors import ArgumentNotJSON
from labkit.ledger import records

_CURE = (
    "A message carries what JSON can: text, numbers, true, false, null, lists, and dicts with text "
    "keys. Send an id and load the object in the job, or send text: when.isoformat(), str(path)."
)

_json = json.JSONEncoder(separators=(",", ":")).encode
_quote = functools.cache(_json)
_PLAIN = frozenset({str, int, bool, type(None)})


def encode(message: Message[Any]) -> tuple[bytes, int | str]:
    """The message as bytes, and what the ledger's record says of it.

    Returns:
      tuple: the payload, as Dramatiq's encoder gives it; and the length of its beginning that says
      the queue, the actor and the arguments, or that in words of its own where they are long or
      the application has another encoder.

    Raises:
      ArgumentNotJSON: an argument that JSON cannot hold, or would change (a NaN, a dict whose keys
        are no text). The message names the argument.
    """
    try:
        if type(get_encoder()) is JSONEncoder:
            return _encode_json(message)
        payload = message.encode()
    except (TypeError, ValueError, RecursionError) as error:
        cause = _find_problem(message) or str(error)
        raise ArgumentNotJSON(f"{message.actor_name}: {cause}. {_CURE}") from None
    return payload, _describe(message)


def refuse_unfit(message: Message[Any]) -> None:
    """Check the arguments alone.

    Raises:
      ArgumentNotJSON: as ``encode``.
    """
    # Plain text and integers, which is nearly all that is sent, need no closer look.
    for value in (*message.args, *message.kwargs.values()) if message.kwargs else message.args:
        if type(value) not in _PLAIN and type(get_encoder()) is JSONEncoder:
            if problem := _find_problem(message):
                raise ArgumentNotJSON(f"{message.actor_name}: {problem}. {_CURE}")
            return


def _encode_json(message: Message[Any]) -> tuple[bytes, int | str]:
    """What ``JSONEncoder`` gives, put together from parts, as one of them is wanted by itself."""
    refuse_unfit(message)
    args, kwargs = message.args, message.kwargs
    sent = (
        f'{{"queue_name":{_quote(message.queue_name)},"actor_name":{_quote(message.actor_name)},'
        f'"args":{_json(args)},"kwargs":{_json(kwargs) if kwargs else "{}"}'
    )
    payload = (
        f'{sent},"options":{_json(message.options)},"message_id":{_json(message.message_id)},'
        f'"message_timestamp":{_json(message.message_timestamp)}}}'
    )
    length = len(sent)  # in bytes, too: the text is all ASCII
    return payload.encode(), length if length < records.ARGUMENTS_LIMIT else _describe(message)


def _describe(message: Message[Any]) -> str:
    queue = message.queue_name
    return records.describe(message.actor_name, queue, message.args, message.kwargs)


def _find_problem(message: Message[Any]) -> str | None:
    for position, value in enumerate(message.args):
        if problem := _problem_in(value, f"argument {position + 1}", 0):
            return problem
    for name, value in message.kwargs.items():
        if problem := _problem_in(value, f"argument {name!r}", 0):
            return problem
    return None


def _problem_in(value: Any, where: str, depth: int) -> str | None:
    if depth > 200:
        return f"{where} is nested too deeply, or holds itself"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{where} is {value}, which JSON does not have"
    if value is None or isinstance(value, str | int | float):
        return None
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            if problem := _problem_in(item, f"{where}[{index}]", depth + 1):
                return problem
        return None
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                return f"{where} has the key {key!r}, and JSON would make a text of it"
            if problem := _problem_in(item, f"{where}[{key!r}]", depth + 1):
                return problem
        return None
    return f"{where} is a {type(value).__name__}"


def decode(payload: bytes, name: str, queue: str | None = None) -> Message[Any]:
    """The message in a payload, under the name of its delivery.

    What a worker, its middleware and the ledger take for granted is looked at here: a message that
    lacks it would end a thread in the middle of its work.

    Parameters:
      queue: Where it lies, if the message must say the same.

    Raises:
      ValueError: it is no message; says what it is instead.
    """
    try:
        fields = get_encoder().decode(payload)
        if not isinstance(fields, dict):
            raise TypeError("it is no object")
        if not isinstance(fields.get("args"), list | tuple):
            raise TypeError(f"args is {_show(fields.get('args'))}, and a list is meant")
        message: Message[Any] = Message(**fields)
        link = message
        while True:  # along a pipeline; its messages stand in each other, as deep as it is long
            refuse_misfit(link)
            if (target := link.options.get("pipe_target")) is None:
                break
            link = Message(**target)
            # What is enqueued with the ack has to be fit for it, or the job could never be settled.
            if link.queue_name.endswith(".DQ") and not _is_number(link.options.get("eta")):
                raise TypeError(
                    f"the next of its pipeline is delayed ({link.queue_name}) to no time"
                )
        if queue is not None and message.queue_name not in (queue, f"{queue}.DQ"):
            raise ValueError(f"it says queue {_show(message.queue_name)}, and lies in {queue!r}")
    except Exception as error:
        # Dramatiq's DecodeError repeats the payload, however long it is; what it wraps does not.
        why = str(error.error if isinstance(error, DecodeError) else error)[:200]
        raise ValueError(f"not a Dramatiq message ({why}): {_shorten(payload)}") from None
    message.options["redis_message_id"] = name
    return message


def refuse_misfit(message: Message[Any]) -> None:
    """Check each field of a message.

    Raises:
      ArgumentNotJSON: says which one is what it cannot be.
    """
    names: tuple[tuple[str, Any], ...] = (
        ("queue_name", message.queue_name),
        ("actor_name", message.actor_name),
        ("message_id", message.message_id),
    )
    for field, value in names:
        if type(value) is not str or not value or not (value.isascii() or _is_text(value)):
            raise ArgumentNotJSON(f"{field} is {_show(value)}, and a text is meant")
    objects: tuple[tuple[str, Any], ...]
    objects = (("kwargs", message.kwargs), ("options", message.options))
    for field, value in objects:
        if type(value) is not dict or (value and not all(type(key) is str for key in value)):
            raise ArgumentNotJSON(f"{field} is {_show(value)}, and an object is meant")
    if not _is_number(message.message_timestamp):
        raise ArgumentNotJSON(
            f"message_timestamp is {_show(message.message_timestamp)}, and no time"
        )
    for option, value in message.options.items():
        if option in _OPTIONS and not _OPTIONS[option](value):
            raise ArgumentNotJSON(f"its option {option} is {_show(value)}, which it cannot be")


def _is_text(value: str) -> bool:
    """Whether it can be written down: half of a surrogate pair cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_number(value: Any) -> bool:
    """Whether Dramatiq may count with it, Lua write it down, and a float hold it."""
    return type(value) in (int, float) and abs(value) < 2**53


def _is_number_or_none(value: Any) -> bool:
    return value is None or _is_number(value)


def _is_name_or_none(value: Any) -> bool:
    return not value or (isinstance(value, str) and _is_text(value))


def _is_exceptions(value: Any) -> bool:
    kinds = value if isinstance(value, tuple) else (value,)
    return not value or all(isinstance(kind, type) for kind in kinds)


#: What the options of Dramatiq's own middleware have to be.
_OPTIONS: dict[str, Callable[[Any], bool]] = {
    "retries": _is_number,
    **dict.fromkeys(("max_retries", "min_backoff", "max_backoff"), _is_number_or_none),
    **dict.fromkeys(("eta", "time_limit", "max_age", "requeue_timestamp"), _is_number_or_none),
    **dict.fromkeys(("on_success", "on_failure", "on_retry_exhausted"), _is_name_or_none),
    "throws": _is_exceptions,
}


def _show(value: Any) -> str:
    """What stands in a field, short, and in letters that any log can hold."""
    shown = ascii(value)
    return shown if len(shown) <= 60 else shown[:59] + "…"


def _shorten(payload: bytes) -> str:
    text = payload[:80].decode("utf-8", errors="replace")
    return json.dumps(text) + (f" … ({len(payload)} bytes)" if len(payload) > 80 else "")
