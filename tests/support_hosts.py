"""Machines that are network namespaces: each has a name, an address and a cable of its own.

Nothing of this machine's own network is touched, and all of it ends with the process that made it:
a namespace lives as long as the program that sleeps in it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
import redis

from labkit import tether
from labkit.redis_process import find_binary
from tests.support import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
READY = "Worker process is ready for action"
PORT = 6379


class Host:
    """One machine: a network and a host name of its own."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        command = f"hostname {name} && ip link set lo up && echo up && exec sleep 600"
        output = folder / f"{name}.host"
        self._sleeper = tether.start(
            ["unshare", "--net", "--uts", "sh", "-c", command], output=output
        )
        self.started = [self._sleeper]
        wait_until(lambda: "up" in output.read_text(), description=f"the host {name} is up")
        self.pid = self._sleeper.pid

    @property
    def log(self) -> Path:
        return self._folder / f"{self.name}.log"

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def ip(self, *words: str) -> None:
        subprocess.run([*self._enter(), "ip", *words], check=True, capture_output=True)

    def start(self, *command: str, env: Mapping[str, str] | None = None) -> tether.Tethered:
        """Run a program there; it ends with this process."""
        surroundings = os.environ | {"PYTHONPATH": str(ROOT)} | (env or {})
        process = tether.start([*self._enter(), *command], output=self.log, env=surroundings)
        self.started.append(process)
        return process

    def _enter(self) -> list[str]:
        return ["nsenter", "--target", str(self.pid), "--net", "--uts"]


class Hosts:
    """A hub with a Redis, and machines with a cable to it; their addresses are 10.77.0.x."""

    def __init__(self, folder: Path) -> None:
        for program in ("unshare", "nsenter", "ip", "hostname"):
            if shutil.which(program) is None:
                pytest.skip(f"hosts of their own take {program} (Debian: iproute2, util-linux)")
        if os.geteuid() != 0:
            pytest.skip("only root may make network namespaces")
        try:
            subprocess.run(["unshare", "--net", "--uts", "true"], check=True, capture_output=True)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr.decode()}")
        self._folder = folder
        self.hosts: dict[str, Host] = {}
        self._socket = folder / "redis.sock"

    @property
    def url(self) -> str:
        """The Redis, for whoever is on the hub's machine."""
        return f"unix://{self._socket}?db=0"

    @property
    def far_url(self) -> str:
        """The same for the other machines."""
        return f"redis://10.77.0.1:{PORT}/0"

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            hub = self.hosts["hub"] = Host("hub", self._folder)
            hub.ip("link", "add", "bridge", "type", "bridge")
            hub.ip("address", "add", "10.77.0.1/24", "dev", "bridge")
            hub.ip("link", "set", "bridge", "up")
            options = f"--bind 10.77.0.1 --port {PORT} --protected-mode no --appendonly no"
            hub.start(
                *(str(find_binary()), *options.split(), "--save", "", "--dir", str(self._folder)),
                *("--unixsocket", str(self._socket)),
            )
            wait_until(self._socket.exists, description="Redis is there")
            stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        for host in self.hosts.values():
            for process in reversed(host.started[1:]):
                process.signal(signal.SIGTERM)
        for host in self.hosts.values():
            for process in reversed(host.started):
                if process is host.started[0] or not process.wait(10):
                    process.kill()

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def add(self, name: str) -> Host:
        """One more machine, with a cable to the hub."""
        hub, host = self.hosts["hub"], Host(name, self._folder)
        number = len(self.hosts) + 1
        self.hosts[name] = host
        pair = f"link add {name} netns {hub.pid} type veth peer name eth0 netns {host.pid}"
        subprocess.run(["ip", *pair.split()], check=True, capture_output=True)
        hub.ip("link", "set", name, "master", "bridge", "up")
        host.ip("address", "add", f"10.77.0.{number}/24", "dev", "eth0")
        host.ip("link", "set", "eth0", "up")
        return host

    def cut(self, name: str) -> None:
        """Pull its cable: what is sent vanishes, and no connection is closed."""
        self.hosts["hub"].ip("link", "set", name, "down")

    def mend(self, name: str) -> None:
        self.hosts["hub"].ip("link", "set", name, "up")

    def start_worker(self, host: Host, url: str, env: Mapping[str, str]) -> None:
        """A plain ``dramatiq`` there, of one process with two threads."""
        command = (sys.executable, "-m", "dramatiq", "tests.tally_app", "-p", "1", "-t", "2")
        host.start(*command, env={"TALLY_URL": url, "dramatiq_restart_delay": "200", **env})
