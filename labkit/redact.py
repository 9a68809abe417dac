"""What of a job's arguments and errors may be seen: secrets masked, every character printable.

Nothing reaches a widget, a notebook or a twin but through ``call_text`` and ``safe_text``. Masked
are the values of keys that name a secret, passwords inside URLs, what stands behind ``token=`` and
its like, and tokens of well-known shapes. What was masked among a job's arguments is masked in its
errors too. It is a net, not a proof: a secret sent as a positional argument to an actor that this
process does not know looks like any other text.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MASK = "•••"

#: Within a key's letters (case, ``_`` and ``-`` put aside) these tell of a secret …
_SECRET_PARTS = re.compile(
    r"passw|passphrase|passcode|secret|token|apikey|accesskey|privatekey|signingkey|encryptionkey"
    r"|credential|authorization|cookie|sessionid|connectionstring"
)
#: … and these as the whole of it.
_SECRET_WHOLE = frozenset({"pass", "pwd", "pw", "auth", "pin", "otp", "cvv", "cvc", "ssn", "dsn"})

#: From the telling part of a word to its end. A pattern must not begin with what may be long: one
#: long word would be gone through once for each of its letters.
_TELLING_WORDS = (
    r"(?:passw|passphrase|passcode|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|credential|authorization|cookie|session[_-]?id)[\w-]{0,60}|\b(?:pwd|pin|otp|cvv)"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Up to the last @ of the word, for a password may hold any character.
    (re.compile(r"(\w://[^\s/@:?#]{0,500}):\S{0,1000}@"), rf"\1:{MASK}@"),
    (re.compile(r"(?i)\b(bearer|basic)(\s+)(?=\S*[\d=])[\w.~+/=-]{8,}"), rf"\1\2{MASK}"),
    (
        re.compile(
            rf"(?i)({_TELLING_WORDS})((?:\\?[\"'])?\]?\s*[:=]\s*)"
            r"(?!\s)(\"(?:\\.|[^\"\\])*\"?|'(?:\\.|[^'\\])*'?|[^\s,;&)}\]]+)"
        ),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*"), MASK),  # a JSON web token
    (
        re.compile(
            r"\b(?:gh[pousr]_|github_pat_|xox[a-z]-|[sr]k[-_](?:live|test|proj)?[-_]?)\w[\w-]{15,}"
        ),
        MASK,
    ),
    (re.compile(r"\bAKIA[0-9A-Z]{16}\b"), MASK),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*-----|$)"), MASK),
)

#: Texts of so many characters are remembered with what is shown of them.
_REMEMBERED = 100
_MOST_ITEMS = 20
_DEEPEST = 6


class _Masked:
    """Stands in an argument's place; its repr is the mask, without quotes."""

    def __repr__(self) -> str:
        return MASK


_MASKED = _Masked()


class _Text(str):
    """A text that is shown as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def is_secret(key: str) -> bool:
    """Whether a name is one that people give to a secret."""
    letters = re.sub(r"[\W_]", "", key).lower()
    return letters in _SECRET_WHOLE or bool(_SECRET_PARTS.search(letters))


def call_text(
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    width: int = 120,
    names: Sequence[str] = (),
) -> str:
    """The arguments as in a call, ``7, title='Milk'``, in at most ``width`` characters.

    ``names`` are those of the positional ones, as far as they are known.
    """
    longest = max(24, width // 2)
    hidden = _secret_places(names)
    parts = [
        MASK if place in hidden else _literal(value, longest) for place, value in enumerate(args)
    ]
    for name, value in kwargs.items():
        shown = MASK if is_secret(str(name)) else _literal(value, longest)
        parts.append(f"{safe_text(str(name), 60)}={shown}")
        if len(parts) > _MOST_ITEMS:
            parts.append("…")
            break
    return shorten(", ".join(parts), width)


def safe_text(text: str, width: int | None = None, hidden: Iterable[str] = ()) -> str:
    """The text without secrets (those in ``hidden``, and those that look like one), printable.

    Line breaks and tabs stay. Other control characters, lone surrogates and marks that turn the
    direction of writing are shown as Python's escapes.
    """
    hidden = list(hidden)
    is_short = len(text) <= _REMEMBERED and not hidden
    text = _remembered(text) if is_short else _printable(mask(text, hidden))
    return text if width is None else shorten(text, width)


@functools.lru_cache(4_096)
def _remembered(text: str) -> str:
    # A board shows the same few names again and again, twenty times a second.
    return _printable(mask(text))


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(map(_visible, text))


def mask(text: str, hidden: Iterable[str] = ()) -> str:
    """The text without secrets: those in ``hidden``, and those that look like one."""
    for secret in hidden:
        text = text.replace(secret, MASK)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def secrets_of(
    args: Sequence[Any], kwargs: Mapping[str, Any], names: Sequence[str] = ()
) -> list[str]:
    """The texts that ``call_text`` masks by their names, the longest first."""
    found: set[str] = set()
    hidden = _secret_places(names)
    _collect(kwargs, False, found, 0)
    for place, value in enumerate(args):
        _collect(value, place in hidden, found, 0)
    # In a repr backslashes and quotes are escaped. Very short ones would mask half of any text.
    found |= {repr(text)[1:-1] for text in found}
    return sorted((text for text in found if len(text) > 3), key=len, reverse=True)


def shorten(text: str, width: int) -> str:
    """At most ``width`` characters, the last of which is then an ellipsis."""
    return text if len(text) <= width else text[: width - 1] + "…"


def _secret_places(names: Sequence[str]) -> set[int]:
    return {place for place, name in enumerate(names) if is_secret(name)}


def _literal(value: Any, width: int) -> str:
    return safe_text(repr(_masked(value, width, 0)))


def _masked(value: Any, width: int, depth: int) -> Any:
    if depth > _DEEPEST:
        return _Text("…")
    if isinstance(value, str):
        # The text first, so that a mask never depends on where the shortening cuts.
        return shorten(mask(value[: 20 * width]), width)
    if isinstance(value, dict):
        pairs = list(value.items())
        shown = {
            str(key): _MASKED if is_secret(str(key)) else _masked(item, width, depth + 1)
            for key, item in pairs[:_MOST_ITEMS]
        }
        return shown if len(pairs) <= _MOST_ITEMS else {**shown, "…": _Text("…")}
    if isinstance(value, list | tuple):
        items: list[Any] = [_masked(item, width, depth + 1) for item in value[:_MOST_ITEMS]]
        if len(value) > _MOST_ITEMS:
            items.append(_Text(f"… {len(value) - _MOST_ITEMS} more"))
        return items
    return value


def _collect(value: Any, inside_secret: bool, found: set[str], depth: int) -> None:
    if depth > 2 * _DEEPEST:
        return
    if isinstance(value, str):
        if inside_secret:
            found.add(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            _collect(item, inside_secret or is_secret(str(key)), found, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _collect(item, inside_secret, found, depth + 1)
    elif inside_secret and isinstance(value, int | float) and not isinstance(value, bool):
        found.add(str(value))


def _visible(character: str) -> str:
    if character.isprintable() or character in "\n\t":
        return character
    return character.encode("unicode_escape").decode("ascii")
