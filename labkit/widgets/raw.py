"""The Redis keys that hold a job, as shown beside it: each command, and what it answers.

Values are masked in their structure, by the names of arguments, before they become text again; what
is no JSON is not shown at all, for nothing could be told apart in it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from labkit.redact import MASK, is_secret, mask, safe_text, secrets_of, shorten
from labkit.widgets.present import names_of_arguments

if TYPE_CHECKING:
    from labkit.ledger.records import JobRecord
    from labkit.ledger.whereabouts import Whereabouts

#: Characters of one value.
_WIDTH = 1_200


def show_place(job: JobRecord, place: Whereabouts) -> dict[str, Any]:
    """Why a job waits, and what holds it: a command, its answer and its meaning each."""
    names = names_of_arguments(job.actor)
    shown: dict[str, Any] = {
        "keys": [
            [safe_text(" ".join(one.command), 300), _value(one.value, job, names), one.meaning]
            for one in place.holdings
        ]
    }
    if place.reason:
        shown["why"] = safe_text(place.reason, 300)
    return shown


def _value(value: bytes | float, job: JobRecord, names: list[str]) -> str:
    if not isinstance(value, bytes):
        return f"{value:.0f}" if value == int(value) else f"{value}"
    hidden = secrets_of(job.args, job.kwargs, names)
    lines = value.decode("utf-8", errors="replace").split("\n")
    return shorten(safe_text("\n".join(_line(line, names, hidden) for line in lines)), _WIDTH)


def _line(line: str, names: list[str], hidden: list[str]) -> str:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        # The first line of a record: words and numbers alone.
        is_plain = len(line) < 300 and line.isprintable() and line.isascii()
        return line if is_plain else f"({len(line)} characters that are no JSON)"
    if not isinstance(value, dict):
        return line if isinstance(value, int) else MASK
    args, kwargs = value.get("args"), value.get("kwargs")
    if isinstance(args, list) and isinstance(kwargs, dict):
        # A record's arguments may be cut, and then its secrets are known from the message alone.
        hidden = sorted({*hidden, *secrets_of(args, kwargs, names)}, key=len, reverse=True)
        value["args"] = [
            MASK if place < len(names) and is_secret(names[place]) else item
            for place, item in enumerate(args)
        ]
    return json.dumps(_masked(value, hidden), ensure_ascii=False, separators=(",", ":"))


def _masked(value: Any, hidden: list[str]) -> Any:
    """As text a secret would be escaped, and not be found: so each string by itself."""
    if isinstance(value, dict):
        return {
            mask(key, hidden): MASK if is_secret(key) else _masked(item, hidden)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_masked(item, hidden) for item in value]
    return mask(value, hidden) if isinstance(value, str) else value
