"""Messages as bytes and back: what a message can carry, and what is no message.

Only JSON's own types travel from the sender to the worker. Sidekiq turns a date into a string and
warns at most; here the sender is told at the call.
"""

from __future__ import annotations

import json
import math
from typing import Any

from dramatiq import JSONEncoder, Message, get_encoder

from labkit.errors import ArgumentNotJSON

_CURE = (
    "A message carries what JSON can: text, numbers, true, false, null, lists, and dicts with text "
    "keys. Send an id and load the object in the job, or send text: when.isoformat(), str(path)."
)

_PLAIN = (str, int, bool, type(None))


def encode(message: Message[Any]) -> bytes:
    """The message as bytes.

    Raises:
      ArgumentNotJSON: an argument that JSON cannot hold, or would change (a NaN, a dict whose keys
        are no text). The message names the argument.
    """
    try:
        payload = message.encode()
    except (TypeError, ValueError, RecursionError) as error:
        cause = _find_problem(message) or str(error)
        raise ArgumentNotJSON(f"{message.actor_name}: {cause}. {_CURE}") from None
    # Plain text and integers, which is nearly all that is sent, need no closer look.
    plain = all(type(value) in _PLAIN for value in (*message.args, *message.kwargs.values()))
    if not plain and isinstance(get_encoder(), JSONEncoder):
        if problem := _find_problem(message):
            raise ArgumentNotJSON(f"{message.actor_name}: {problem}. {_CURE}")
    return payload


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
