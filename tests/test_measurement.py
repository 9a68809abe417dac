"""The measuring client, against a small server of its own: it counts successes, and only those."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from labkit.errors import ConfigurationError, LabkitError
from labkit.measurement import Measurement, measure


class Recorder(BaseHTTPRequestHandler):
    """Answers 200, or 404 to /nothing; remembers what was posted and how many asked at once."""

    protocol_version = "HTTP/1.1"
    posted: list[str] = []
    connections: set[object] = set()

    def do_GET(self) -> None:
        self.connections.add(self.client_address)
        self.send_response(404 if self.path == "/nothing" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.posted.extend(parse_qs(body)["email"])
        self.do_GET()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Recorder.posted.clear()
    Recorder.connections.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_sends_each_form_once_from_as_many_clients_as_asked(url: str) -> None:
    seen = measure(url, requests=20, concurrency=4, form=lambda n: {"email": f"{n}@example.com"})
    assert len(seen.latencies) == 20
    assert sorted(Recorder.posted) == sorted(f"{n}@example.com" for n in range(20))
    assert len(Recorder.connections) == 4
    assert 0 < seen.p50 <= seen.p95 < seen.duration


def test_without_a_form_it_gets(url: str) -> None:
    assert len(measure(url, requests=1, concurrency=8).latencies) == 1
    assert Recorder.posted == []


def test_a_failing_request_is_no_measurement(url: str) -> None:
    with pytest.raises(LabkitError, match="answered 404"):
        measure(f"{url}nothing", requests=4, concurrency=2)


def test_no_answer_is_no_measurement() -> None:
    with pytest.raises(LabkitError, match="gave no answer"):
        measure("http://127.0.0.1:1/", requests=4, concurrency=2)


@pytest.mark.parametrize(("requests", "clients"), [(0, 1), (1, 0), (10_001, 1), (1, 65)])
def test_it_is_bounded(requests: int, clients: int) -> None:
    with pytest.raises(ConfigurationError, match="1 to 10000 requests and 1 to 64"):
        measure("http://127.0.0.1:1/", requests, clients)


def test_percentiles() -> None:
    seen = Measurement(tuple(n / 1000 for n in range(1, 102)), duration=2.0)
    assert (seen.p50, seen.p95) == pytest.approx((0.051, 0.096))
    assert repr(seen) == "101 requests: 50.5/s, median 51 ms, p95 96 ms"
    assert Measurement((0.5,), duration=1.0).p95 == 0.5
