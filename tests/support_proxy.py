"""A TCP proxy in front of a Redis that loses requests or replies, or holds them, when told to.

To the client both losses look the same: the connection is cut. Behind a lost reply the command has
run. Behind a reply that is held for longer than the client waits it has run as well.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from urllib.parse import urlsplit


class LossyProxy:
    """Passes bytes both ways until it is told to lose some."""

    def __init__(self, redis_url: str) -> None:
        parts = urlsplit(redis_url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 6379)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._path = parts.path
        self._lose_replies: list[bytes] = []
        self._lose_requests: list[bytes] = []
        self._hold_replies: list[bytes] = []
        self._held_for = 0.0
        self._lock = threading.Lock()
        self._flowing = threading.Event()
        self._flowing.set()
        self.lost = self.held = 0
        self._sockets: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The address to use in place of the Redis's."""
        return f"redis://127.0.0.1:{self.port}{self._path}"

    def lose_reply_to(self, part_of_request: bytes, times: int = 1) -> None:
        """Let the next requests with these bytes run, and cut the connection instead of a reply."""
        with self._lock:
            self._lose_replies += [part_of_request] * times

    def lose_request(self, part: bytes, times: int = 1) -> None:
        """Cut the connection in place of passing on the next requests with these bytes."""
        with self._lock:
            self._lose_requests += [part] * times

    def hold_reply_to(self, part: bytes, seconds: float, times: int = 1) -> None:
        """Pass the replies to the next requests with these bytes on late by so much."""
        with self._lock:
            self._hold_replies += [part] * times
            self._held_for = seconds

    def freeze(self) -> None:
        """Pass nothing on from now, either way, and keep every connection open."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Pass on what was held, and all that comes."""
        self._flowing.set()

    def forget(self) -> None:
        """Lose and hold nothing more."""
        with self._lock:
            self._hold_replies.clear()
            self._lose_requests.clear()
            self._lose_replies.clear()

    def cut(self) -> None:
        """Cut every connection that is open now."""
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads; close alone does not

    def close(self) -> None:
        """Accept no more, and cut what is open."""
        self._listener.close()
        self.cut()
        self.thaw()

    def __enter__(self) -> LossyProxy:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target)
            except OSError:  # Redis is down, and so the client hears
                client.close()
                continue
            self._sockets |= {client, server}
            doomed, late = threading.Event(), threading.Event()
            for source, sink, is_request in ((client, server, True), (server, client, False)):
                threading.Thread(
                    target=self._pass, args=(source, sink, is_request, doomed, late), daemon=True
                ).start()

    def _pass(
        self,
        source: socket.socket,
        sink: socket.socket,
        is_request: bool,
        doomed: threading.Event,
        late: threading.Event,
    ) -> None:
        try:
            while data := source.recv(1 << 16):
                if is_request and self._matches(self._lose_requests, data):
                    self.lost += 1
                    break
                if is_request and self._matches(self._lose_replies, data):
                    doomed.set()
                if is_request and self._matches(self._hold_replies, data):
                    late.set()
                if not is_request and doomed.is_set():
                    self.lost += 1
                    break
                if not is_request and late.is_set():
                    self.held += 1
                    late.clear()
                    time.sleep(self._held_for)
                self._flowing.wait()
                sink.sendall(data)
        except OSError:
            pass
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
            self._sockets.discard(sock)

    def _matches(self, parts: list[bytes], data: bytes) -> bool:
        with self._lock:
            for part in parts:
                if part in data:
                    parts.remove(part)
                    return True
        return False
