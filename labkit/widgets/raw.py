"""The Redis keys that hold a job, as shown beside it: each command, and what it answers.

Values are masked in their structure, by the names of arguments, before they become text again; what
is no JSON is not shown at all, for nothing could be told apart in it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from labkit.widgets.present import names_of_arguments
from labkit.widgets.redact import MASK, is_secret, mask, safe_text, secrets_of, shorten

if TYPE_CHECKING:
    from labkit.ledger.records import JobRecord
    from labkit.ledger.whereabouts import Whereabouts

#: Characters of one value.
_WIDTH = 1_200


def show_place(job: JobRecord, place: Whereabouts) -> dict[str, Any]:
    """Why a job waits, and what holds it: ``keys`` has a command, an answer and its meaning each."""
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
    hidden = set(secrets_of(job.args, job.kwargs, names))
    lines = [
        _line(line, names, hidden) for line in value.decode("utf-8", errors="replace").split("\n")
    ]
    # The secrets of one line may stand in another: those of the arguments in a traceback.
    return shorten(
        safe_text("\n".join(lines), hidden=sorted(hidden, key=len, reverse=True)), _WIDTH
    )


def _line(line: str, names: list[str], hidden: set[str]) -> str:
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
        hidden |= set(secrets_of(args, kwargs, names))
        value["args"] = [
            MASK if place < len(names) and is_secret(names[place]) else item
            for place, item in enumerate(args)
        ]
    return json.dumps(_masked(value), ensure_ascii=False, separators=(",", ":"))


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: MASK if is_secret(key) else _masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return mask(value) if isinstance(value, str) else value
