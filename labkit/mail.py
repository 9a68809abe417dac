"""E-mail, sent in a real SMTP conversation.

The server is the one that ``labkit.mail_sink`` runs for this root: it leaves its address in a file,
so that the web server finds it, and a worker in another terminal as well.
"""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from pathlib import Path

from labkit.errors import ConfigurationError
from labkit.settings import Settings

SENDER = "welcome@labkit.example"
#: Seconds that the conversation may stand still.
TIMEOUT = 10.0


def address_file(settings: Settings | None = None) -> Path:
    """Where a running mail sink says at which port it listens."""
    return (settings or Settings()).state_dir / "smtp"


def send_welcome(address: str) -> None:
    """Send the welcome e-mail of a new customer, and return once the server has taken it.

    Raises:
      ConfigurationError: no mail server was started for this root.
      ConnectionError: it was, and answers no more.
      smtplib.SMTPException: it refuses the message.
      ValueError: the address holds a line break.
    """
    message = EmailMessage()
    message["From"] = SENDER
    message["To"] = address
    message["Subject"] = "Welcome"
    message.set_content("Thank you for signing up. Your invoice is being made.\n")
    host, port = _server()
    try:
        # Without local_hostname smtplib may ask the DNS for our own name, which can take seconds.
        with smtplib.SMTP(host, port, local_hostname="localhost", timeout=TIMEOUT) as smtp:
            smtp.send_message(message)
    except ConnectionRefusedError:
        raise ConnectionError(
            f"The mail server at {host}:{port} has gone. MailSink.start() starts another."
        ) from None


def _server() -> tuple[str, int]:
    try:
        host, _, port = address_file().read_text(encoding="ascii").partition(":")
        return host, int(port)
    except FileNotFoundError:
        raise ConfigurationError(
            "There is no mail server to talk to: labkit.mail_sink.MailSink.start() starts one."
        ) from None
