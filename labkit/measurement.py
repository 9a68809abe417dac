"""How fast a web server answers: a small client, and the figures that it brings home.

    measure(f"{server.url}signup", requests=40, concurrency=8, form=lambda n: {"email": ...})

Each client waits for its answer before it asks again, as a person does, so the server decides the
pace: more clients show how it queues, not how many it could refuse.
"""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import quantiles
from urllib.parse import urlencode, urlsplit

from labkit.errors import ConfigurationError, LabkitError

MOST_REQUESTS = 10_000
MOST_CLIENTS = 64
#: Seconds that one answer may take.
TIMEOUT = 30.0


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
