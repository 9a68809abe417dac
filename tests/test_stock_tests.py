"""tools/stock_tests.py: what it refuses, and that the tests would meet LabBroker."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tools import stock_tests

WHICH = "import dramatiq.brokers.redis as r; print(r.RedisBroker.__module__)"


def test_a_folder_that_is_no_checkout_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        stock_tests.main([str(tmp_path)])
    assert "is no checkout of Dramatiq" in capsys.readouterr().err


def test_whoever_imports_the_stock_broker_gets_labkits() -> None:
    env = os.environ | {"PYTHONPATH": str(stock_tests.SWAP)}
    swapped = subprocess.run([sys.executable, "-c", WHICH], env=env, capture_output=True, text=True)
    assert swapped.stdout == "labkit.broker\n", swapped.stderr


def test_without_a_network_of_its_own_a_taken_port_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_redis.py").touch()
    monkeypatch.setattr(stock_tests, "install", lambda: None)
    monkeypatch.setattr(stock_tests, "own_network", lambda: None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(stock_tests, "REDIS", port)
        with pytest.raises(SystemExit):
            stock_tests.main([str(tmp_path)])
    assert f"port {port} is taken" in capsys.readouterr().err
