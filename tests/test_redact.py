"""What of arguments and errors may be seen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.redact import MASK, call_text, is_secret, safe_text, secrets_of


@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [
        ((), {}, ""),
        ((7,), {}, "7"),
        ((7, None, True), {"title": "Milk"}, "7, None, True, title='Milk'"),
        (([], {"a": [1.5]}), {}, "[], {'a': [1.5]}"),
        (("two\nlines",), {}, r"'two\nlines'"),
        (("\x1b[31m\x00\u202e\ud800",), {}, r"'\x1b[31m\x00\u202e\ud800'"),
        ((2**60,), {}, str(2**60)),
    ],
)
def test_arguments_read_as_in_a_call(args: Any, kwargs: Any, text: str) -> None:
    assert call_text(args, kwargs) == text


def test_long_arguments_are_shortened() -> None:
    assert len(call_text(("x" * 10_000,), {}, 120)) <= 120
    assert call_text((["y"] * 1000,), {}, 1_000).endswith("… 980 more]")
    assert len(call_text(("a",) * 100, {}, 120)) == 120
    assert "…" in call_text(tuple(range(100)), {str(n): n for n in range(100)}, 2_000)


def test_deep_arguments_are_cut() -> None:
    deep: Any = "bottom"
    for _ in range(900):
        deep = [deep]
    assert "bottom" not in call_text((deep,), {})
    secrets_of((deep,), {})


SECRET = "hunter2-very-secret"


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {"password": SECRET}),
        ((), {"db_passwd": SECRET}),
        ((), {"apiKey": SECRET}),
        ((), {"X-Api-Key": SECRET}),
        ((), {"auth": [SECRET]}),
        (({"user": {"access_token": SECRET}},), {}),
        (([{"Authorization": f"Bearer {SECRET}"}],), {}),
        ((f"redis://:{SECRET}@host:6379/0",), {}),
        ((f"postgres://me:{SECRET}@ssw/or'd@host/db", "x@example.com"), {}),
        ((f"curl -H 'Authorization: Basic {SECRET}=' -d token={SECRET}",), {}),
        ((f'{{"secret": "{SECRET}"',), {}),
        ((f"https://example.com/?api_key={SECRET}&page=2",), {}),
        (("x" * 300 + f" password={SECRET}",), {}),
    ],
)
def test_secrets_are_masked_in_arguments(args: Any, kwargs: Any) -> None:
    for width in (30, 120, 2_000):
        assert "hunter2" not in call_text(args, kwargs, width)


@pytest.mark.parametrize(
    "text",
    [
        f"could not log in with token={SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"at redis://:{SECRET}@localhost:6379/0 nothing answers",
        f"os.environ['API_KEY'] = '{SECRET}'",
        "key eyJhbGciOi.eyJzdWIiOi.hunter2",
        "sk_live_hunter2hunter2hunter2",
        "ghp_hunter2hunter2hunter2",
        "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_secrets_are_masked_in_text(text: str) -> None:
    assert "hunter2" not in safe_text(text)
    assert MASK in safe_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "ValueError: no such task",
        "see http://example.com:80/page",
        "basic understanding of passports",
        "KeyError: 'e-mail'",
        "sent to ada@example.com",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert safe_text(text) == text


def test_what_was_masked_in_the_arguments_is_masked_in_the_error() -> None:
    kwargs = {"password": "O'Brien\\7", "user": "ada", "pin": 81_549}
    hidden = secrets_of((), kwargs)
    for error in ("wrong: O'Brien\\7", f"wrong: {kwargs['password']!r}", "wrong: 81549"):
        assert safe_text(error, hidden=hidden).count(MASK) == 1
    assert safe_text("user ada", hidden=hidden) == "user ada"


def test_names_of_positional_arguments_tell_too() -> None:
    args, names = ("ada", SECRET, 7), ["user", "password", "n"]
    assert call_text(args, {}, names=names) == f"'ada', {MASK}, 7"
    assert secrets_of(args, {}, names) == [SECRET]


def test_which_names_tell_of_a_secret() -> None:
    secret = ["password", "PASSWORD", "user_passwd", "client-secret", "accessToken", "auth", "pwd"]
    plain = ["title", "author", "task_id", "compass", "pinned", "path", "key"]
    assert [name for name in secret if not is_secret(name)] == []
    assert [name for name in plain if is_secret(name)] == []


@given(st.text())
def test_any_text_becomes_printable(text: str) -> None:
    shown = safe_text(text)
    assert all(character.isprintable() or character in "\n\t" for character in shown)
    shown.encode()
    call_text((text,), {text: text}).encode()


@pytest.mark.parametrize(
    "piece", ["W", "passw", "a://", "a://b:", "eyJ", "password=", " ", "\x1b["]
)
def test_a_long_text_takes_no_longer_than_its_length(piece: str) -> None:
    # A pattern that goes back over what it has read would take hours for this.
    text = (piece * 100_000)[:100_000]
    assert safe_text(text, 100)
