"""The mail sink and the client: a real SMTP conversation, as slow as it was asked to be."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from labkit import mail
from labkit.errors import ConfigurationError
from labkit.mail import send_welcome
from labkit.mail_sink import MailSink
from tests.support import gone, wait_until


def test_the_sink_keeps_what_was_sent(root: Path) -> None:
    with MailSink.start(latency=0) as sink:
        send_welcome("ann@example.com")
        send_welcome("zoë@example.com")
        assert sorted(message["To"] for message in sink.messages()) == [
            "ann@example.com",
            "zoë@example.com",
        ]
        message = sink.messages()[0]
        assert message["From"] == mail.SENDER
        assert "Thank you" in message.get_content()


def test_each_message_takes_the_latency_and_they_do_not_wait_for_each_other(root: Path) -> None:
    code = "from labkit.mail import send_welcome; send_welcome('ann@example.com')"
    with MailSink.start(latency=1.0) as sink:
        started = time.perf_counter()
        send_welcome("ann@example.com")
        assert 1.0 <= time.perf_counter() - started < 2.0
        clients = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
        assert [client.wait(60) for client in clients] == [0, 0, 0]
        assert len(sink.messages()) == 4


def test_another_process_of_the_root_finds_it_and_another_root_does_not(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "labkit.toml").touch()
    with MailSink.start(latency=0):
        send_welcome("ann@example.com")
        monkeypatch.chdir(elsewhere)
        with pytest.raises(ConfigurationError, match=r"MailSink\.start\(\)"):
            send_welcome("ann@example.com")


def test_without_a_server_it_says_how_to_start_one(root: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"MailSink\.start\(\)"):
        send_welcome("ann@example.com")
    sink = MailSink.start(latency=0)
    where = mail.address_file().read_text()
    sink.stop()
    sink.stop()
    assert not mail.address_file().exists()
    mail.address_file().write_text(where)  # as after a kill -9 of the notebook
    with pytest.raises(ConnectionError, match="has gone"):
        send_welcome("ann@example.com")


def test_a_new_one_begins_with_an_empty_mailbox_and_takes_over(root: Path) -> None:
    first = MailSink.start(latency=0)
    send_welcome("ann@example.com")
    with MailSink.start(latency=0) as second:
        assert second.messages() == []
        first.stop()  # leaves the address of its successor alone
        send_welcome("ann@example.com")
        assert len(second.messages()) == 1


def test_a_line_break_in_an_address_smuggles_nothing_in(root: Path) -> None:
    with MailSink.start(latency=0) as sink:
        with pytest.raises(ValueError, match=r"linefeed|header"):
            send_welcome("ann@example.com\nBcc: eve@example.com")
        assert sink.messages() == []


def test_it_ends_with_the_process_that_started_it(root: Path) -> None:
    code = (
        "from labkit.mail_sink import MailSink\n"
        "sink = MailSink.start(latency=0); print(sink._end.peek()[1].__self__.pid, flush=True)\n"
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False)
    wait_until(lambda: gone(int(done.stdout)), description="the sink's end")


def test_a_latency_that_cannot_be(root: Path) -> None:
    with pytest.raises(ConfigurationError, match="-1"):
        MailSink.start(latency=-1)
