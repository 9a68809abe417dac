"""What a message can carry."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from dramatiq import Message, pipeline
from hypothesis import given
from hypothesis import strategies as st

from labkit.codec import decode, encode
from labkit.errors import ArgumentNotJSON

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None)),  # lone surrogates and NULs too
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def message(*args: Any, **kwargs: Any) -> Message[Any]:
    return Message("default", "any", args, kwargs, {})


@given(JSON, JSON)
def test_what_json_holds_arrives_as_it_was(first: Any, second: Any) -> None:
    sent = message(first, named=second)
    payload, _ = encode(sent)
    assert payload == sent.encode()
    arrived = Message.decode(payload)
    assert arrived.args == (first,)
    assert arrived.kwargs == {"named": second}


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (object(), "argument 1 is a object"),
        (datetime.now(UTC), "argument 1 is a datetime"),
        ({1, 2}, "argument 1 is a set"),
        (b"bytes", "argument 1 is a bytes"),
        (float("nan"), "argument 1 is nan"),
        (float("-inf"), "argument 1 is -inf"),
        ([0, {"a": object()}], r"argument 1\[1\]\['a'\] is a object"),
        ({1: "a"}, "argument 1 has the key 1"),
        ({None: "a"}, "argument 1 has the key None"),
    ],
)
def test_what_it_does_not_hold_is_named(value: Any, named: str) -> None:
    with pytest.raises(ArgumentNotJSON, match=named) as caught:
        encode(message(value))
    assert "Send an id" in str(caught.value)


def test_a_named_argument_is_named() -> None:
    with pytest.raises(ArgumentNotJSON, match="argument 'when' is a datetime"):
        encode(message(when=datetime.now(UTC)))


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ArgumentNotJSON, match="holds itself"):
        encode(message(endless))


def test_a_tuple_becomes_a_list_as_json_has_no_tuple() -> None:
    assert json.loads(encode(message((1, 2)))[0])["args"] == [[1, 2]]


def test_a_long_pipeline_is_a_message_and_a_broken_link_of_it_makes_it_none() -> None:
    links = [Message("default", "take", (), {}, {}, f"{n}", 1) for n in range(300)]
    first = pipeline(links).messages[0]
    assert decode(first.encode(), "x").message_id == "0"
    target = first.options["pipe_target"]
    target["options"]["pipe_target"]["message_id"] = 7
    with pytest.raises(ValueError, match="message_id is 7"):
        decode(first.encode(), "x")
