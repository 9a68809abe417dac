"""A slow mail server on this machine: it speaks SMTP, keeps what it is sent, and delivers nothing.

``MailSink.start()`` runs it as a child process. Each message takes it ``latency`` seconds, which
is what a server elsewhere needs for its round trips and its checks; the wait is on the network, as
it would be there, and costs this machine nothing. The child is ``smtp_server``.
"""

from __future__ import annotations

import importlib.util
import shutil
import weakref
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Self

from labkit import mail, tether
from labkit.child import start_child
from labkit.errors import ConfigurationError
from labkit.settings import Settings


class MailSink:
    """The running server. Close it with ``stop``, or use it as a context manager."""

    def __init__(self, child: tether.Tethered, address: str, settings: Settings) -> None:
        #: Where it listens, as host:port.
        self.address = address
        self._settings = settings
        self._end = weakref.finalize(self, child.kill)

    @classmethod
    def start(cls, latency: float = 0.15, settings: Settings | None = None) -> Self:
        """Start one with an empty mailbox, and make it the server that this root's e-mail goes to.

        Parameters:
          latency: seconds that it takes for each message.

        Raises:
          ConfigurationError: a negative latency, or aiosmtpd is not installed.
          WorkerError: it did not start.
        """
        if latency < 0:
            raise ConfigurationError(f"A mail server cannot take {latency} s for a message.")
        if importlib.util.find_spec("aiosmtpd") is None:
            raise ConfigurationError("The mail sink needs aiosmtpd: install labkit's extra `lab`.")
        settings = settings or Settings()
        folder = settings.state_dir / "mail"
        shutil.rmtree(folder, ignore_errors=True)
        child, address = start_child(
            ["labkit.smtp_server", str(folder), str(latency)],
            settings.state_dir / "mail.log",
            settings,
        )
        sink = cls(child, address, settings)
        file = mail.address_file(settings)
        whole = file.with_name(f"smtp.{child.pid}")
        whole.write_text(address, encoding="ascii")
        whole.replace(file)
        return sink

    def messages(self) -> list[EmailMessage]:
        """What has been sent to it, in no particular order."""
        files = sorted((self._settings.state_dir / "mail" / "new").glob("*"))
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]

    def stop(self) -> None:
        """End it; its mailbox stays until the next one starts. May be repeated."""
        file = mail.address_file(self._settings)
        if file.exists() and file.read_text(encoding="ascii") == self.address:
            file.unlink(missing_ok=True)
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"MailSink({self.address!r})"
