"""The file with the private Redis's password, and what else may stand there."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
import redis

from labkit.redis_server import start_private


@pytest.fixture
def path(root: Path) -> Path:
    (root / ".labkit").mkdir()
    return root / ".labkit" / "redis.password"


@pytest.mark.parametrize(
    "content", [b"", b"  \n", b"short", b"\xff" * 40, b'x"\nbind 0.0.0.0\n', b"x" * 10**6]
)
def test_what_is_no_password_is_replaced(root: Path, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    (root / ".labkit" / "redis.json").write_text('{"port": 99999}')
    with redis.Redis.from_url(start_private(root).url) as client:
        assert client.config_get("requirepass") == {"requirepass": path.read_text()}
    assert re.fullmatch(r"[\w-]{40,}", path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_one_that_others_can_read_is_closed_to_them(root: Path, path: Path) -> None:
    path.write_text("p" * 40)
    path.chmod(0o644)
    start_private(root)
    assert path.read_text() == "p" * 40
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
