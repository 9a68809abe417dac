"""The mail server that ``MailSink`` runs as a child: FOLDER and LATENCY are its arguments.

It imports nothing of labkit, and so is there in a moment.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"


async def serve(folder: Path, latency: float) -> None:
    """Listen on a free port, say which on the standard output, and go on until SIGTERM."""
    from aiosmtpd.handlers import Mailbox
    from aiosmtpd.smtp import SMTP

    class SlowMailbox(Mailbox):
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
            await asyncio.sleep(latency)
            answer: str = await super().handle_DATA(server, session, envelope)
            return answer

    loop = asyncio.get_running_loop()
    handler = SlowMailbox(folder)
    listening = await loop.create_server(
        lambda: SMTP(handler, hostname="sink.example", enable_SMTPUTF8=True), HOST, 0
    )
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    print(f"ready {HOST}:{listening.sockets[0].getsockname()[1]}", flush=True)  # noqa: T201
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), float(sys.argv[2])))
