"""The browser side: a small web server in a process of its own, and a client that measures it.

``WebServer.start()`` serves a page of tasks, where the guide's "create a task in the browser" is
done, and a sign-up that sends an e-mail and makes a PDF: inside the request, or in the background.
It is a child process, as a web server is one beside the workers, so that what the notebook does
and what the server does never share an interpreter lock.
"""

from __future__ import annotations

import http.client
import importlib.util
import itertools
import os
import socket
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Self
from urllib.parse import urlencode, urlsplit

from labkit import tether
from labkit.child import start_child
from labkit.errors import ConfigurationError, LabkitError
from labkit.settings import Settings

HOST = "127.0.0.1"
MOST_REQUESTS = 10_000
MOST_CLIENTS = 64
#: Seconds that one answer may take.
TIMEOUT = 30.0


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


@dataclass(frozen=True, repr=False)
class Measurement:
    """What ``measure`` saw: seconds from sending a request to its whole answer, in its order."""

    latencies: tuple[float, ...]
    #: Seconds from the first request to the last answer.
    duration: float

    @property
    def throughput(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.duration

    @property
    def p50(self) -> float:
        """The median latency, in seconds."""
        return self.percentile(50)

    @property
    def p95(self) -> float:
        """The latency that 95 % of the requests did not exceed, in seconds."""
        return self.percentile(95)

    def percentile(self, percent: int) -> float:
        """The latency that ``percent`` % (1 to 99) of the requests did not exceed, in seconds."""
        if len(self.latencies) == 1:
            return self.latencies[0]
        return quantiles(self.latencies, n=100, method="inclusive")[percent - 1]

    def __repr__(self) -> str:
        return (
            f"{len(self.latencies)} requests: {self.throughput:.1f}/s, "
            f"median {self.p50 * 1000:.0f} ms, p95 {self.p95 * 1000:.0f} ms"
        )


def measure(
    url: str,
    requests: int = 40,
    concurrency: int = 8,
    form: Callable[[int], Mapping[str, str]] | None = None,
) -> Measurement:
    """Send ``requests`` to ``url`` from ``concurrency`` clients at once, each after its answer.

    Parameters:
      form: the fields of the n-th request, which is then a POST; without it all are GET.

    Raises:
      LabkitError: a request was not answered with success: what failed has no speed.
      ConfigurationError: no request, no client, or more than 10,000 and 64 of them.
    """
    if not (1 <= requests <= MOST_REQUESTS and 1 <= concurrency <= MOST_CLIENTS):
        raise ConfigurationError(
            f"measure takes 1 to {MOST_REQUESTS} requests and 1 to {MOST_CLIENTS} clients."
        )
    numbers = itertools.count()
    latencies: list[float] = []
    problems: list[str] = []

    def client() -> None:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=TIMEOUT)
        try:
            while not problems and (number := next(numbers)) < requests:
                started = time.perf_counter()
                status, reason = _ask(connection, parts.path or "/", form and form(number))
                latencies.append(time.perf_counter() - started)
                if status >= 400:
                    problems.append(f"{url} answered {status} {reason}.")
        except (OSError, http.client.HTTPException) as error:
            problems.append(f"{url} gave no answer: {error or type(error).__name__}.")
        finally:
            connection.close()

    clients = [threading.Thread(target=client) for _ in range(min(concurrency, requests))]
    started = time.perf_counter()
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    if problems:
        raise LabkitError(f"{problems[0]} The server's log() may say why.")
    return Measurement(tuple(latencies), time.perf_counter() - started)


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


def _ask(
    connection: http.client.HTTPConnection, path: str, form: Mapping[str, str] | None
) -> tuple[int, str]:
    if form is None:
        connection.request("GET", path)
    else:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", path, urlencode(form), headers)
    response = connection.getresponse()
    response.read()
    return response.status, response.reason


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
