"""The browser side: a small web server in a process of its own.

``WebServer.start()`` serves a page of tasks, where the guide's "create a task in the browser" is
done, and a sign-up that sends an e-mail and makes a PDF: inside the request, or in the background.
It is a child process, as a web server is one beside the workers, so that what the notebook does
and what the server does never share an interpreter lock.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import tempfile
import weakref
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from labkit import tether
from labkit.child import start_child
from labkit.errors import ConfigurationError
from labkit.measurement import Measurement as Measurement
from labkit.measurement import measure as measure
from labkit.settings import Settings

HOST = "127.0.0.1"


class WebServer:
    """The running server. Close it with ``stop``, or use it as a context manager."""

    def __init__(self, child: tether.Tethered, url: str, log: Path, background: bool) -> None:
        #: Its address on this machine, with a slash at the end.
        self.url = url
        self.background = background
        self._child = child
        self._log = log
        # A cell that runs again drops the older server, and with it the process.
        self._end = weakref.finalize(self, _end, child, log)

    @classmethod
    def start(
        cls, background: bool = False, port: int = 0, settings: Settings | None = None
    ) -> Self:
        """Start it on the loopback and wait until it answers.

        Parameters:
          background: whether a sign-up enqueues its e-mail and its PDF, or does them itself.
          port: 0 is any that is free.

        Raises:
          ConfigurationError: the port is taken, or Flask is not installed.
          WorkerError: it did not start; the message has its last words.
        """
        for module in ("flask", "waitress"):
            if importlib.util.find_spec(module) is None:
                raise ConfigurationError(f"The web server needs {module}: install the extra `lab`.")
        _check_free(port)
        settings = settings or Settings()
        settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=settings.state_dir, prefix="web-", suffix=".log")
        os.close(handle)
        mode = "background" if background else "inside"
        try:
            child, url = start_child(["labkit.web_app", str(port), mode], Path(name), settings)
        except BaseException:
            Path(name).unlink()
            raise
        return cls(child, url, Path(name), background)

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        return int(urlsplit(self.url).port or 0)

    @property
    def public_url(self) -> str:
        """The address for the reader's browser (see ``public_url``)."""
        return public_url(self.port)

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._child.running

    def log(self) -> str:
        """The server's window: a line for each request; empty once it has been stopped."""
        try:
            return self._log.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def stop(self) -> None:
        """End the process; may be repeated."""
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        mode = "in the background" if self.background else "inside the request"
        return f"WebServer({self.url}, work {mode}{'' if self.running else ', stopped'})"


def public_url(port: int) -> str:
    """The address of a port of this machine that works in the reader's browser.

    On Binder and JupyterHub the browser cannot reach the loopback: there it goes through
    jupyter-server-proxy, by a path on the host that the notebook itself came from.
    """
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    if prefix is None:
        return f"http://{HOST}:{port}/"
    # A hub that knows its own name gives the whole address; a path works in a link all the same.
    start = os.environ.get("JUPYTERHUB_PUBLIC_URL") or prefix
    return f"{start.rstrip('/')}/proxy/{port}/"


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise ConfigurationError(
                f"Port {port} cannot be used ({error}). Choose another, or 0 for any that is free."
            ) from None


def _end(child: tether.Tethered, log: Path) -> None:
    child.kill()
    log.unlink(missing_ok=True)
