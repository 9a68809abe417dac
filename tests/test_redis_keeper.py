"""The keeper of the private Redis lives on, and holds nothing of whoever started it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import gone


def test_who_reads_the_output_of_the_process_that_started_it_need_not_wait_for_its_end(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABKIT_REDIS_LINGER", "5")
    code = "from labkit.redis_server import connect; print(connect().info('server')['process_id'])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True)
    assert not gone(int(ran.stdout))
