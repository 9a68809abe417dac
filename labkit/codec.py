"""Messages as bytes and back: what a message can carry, and what is no message.

Only JSON's own types travel from the sender to the worker. Sidekiq turns a date into a string and
warns at most; here the sender is told at the call.
"""

from __future__ import annotations

import functools
import json
import math
from typing import Any

from dramatiq import JSONEncoder, Message, get_encoder

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


def decode(payload: bytes, name: str) -> Message[Any]:
    """The message in a payload, under the name of its delivery.

    Raises:
      ValueError: it is no message; says what it is instead.
    """
    try:
        message: Message[Any] = Message.decode(payload)
        fits = isinstance(message.options, dict) and isinstance(message.kwargs, dict)
        names = (message.queue_name, message.actor_name, message.message_id)
        if not fits or not all(isinstance(part, str) for part in names):
            raise TypeError("a field has the wrong type")
    except Exception as error:
        raise ValueError(f"not a Dramatiq message ({error}): {_shorten(payload)}") from None
    message.options["redis_message_id"] = name
    return message


def _shorten(payload: bytes) -> str:
    text = payload[:80].decode("utf-8", errors="replace")
    return json.dumps(text) + (f" … ({len(payload)} bytes)" if len(payload) > 80 else "")
