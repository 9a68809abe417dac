"""Dramatiq's own Redis tests, unchanged, with LabBroker in RedisBroker's place.

    git clone --branch v2.2.0 https://github.com/Bogdanp/dramatiq ../dramatiq
    make stock-tests DRAMATIQ=../dramatiq                  # ARGS='--stock': with the stock broker
    make stock-tests DRAMATIQ=../dramatiq ARGS='-x -k dead'  # the rest goes to pytest

They want Redis on port 6379 and memcached on 11211, and flush both. So they get a network namespace
of their own where the system gives one (Linux; as root, or with user namespaces), and else these
ports must be free: what answers there is never touched.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from labkit import tether
from labkit.redis_process import find_binary

ROOT = Path(__file__).resolve().parent.parent
SWAP = ROOT / "tools" / "stock_swap"
PACKAGES = ROOT / "build" / "stock-tests"
#: What Dramatiq's conftest and its tests of ``--watch`` import, beside what is in .venv anyway.
#: With watchdog 7 a worker of Dramatiq 2.2.0 sees no file change.
NEEDED = ["pika<2", "pylibmc<2", "watchdog>=6,<7"]
#: The Redis broker's tests, each test that runs over several back ends, in its Redis form, and the
#: command line's, which run on Redis. (The benchmarks measure and do not test.)
CHOSEN = ["tests", "--ignore=tests/benchmarks", "-k", "redis or test_cli.py or test_watch.py"]
REDIS, MEMCACHED = 6379, 11211


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs them; the exit status is pytest's."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkout", type=Path, help="Dramatiq's repository at a tag")
    parser.add_argument("--stock", action="store_true", help="run them with the stock broker")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args(arguments)
    checkout = options.checkout.resolve()
    if not (checkout / "tests" / "test_redis.py").is_file():
        parser.error(
            f"{checkout} is no checkout of Dramatiq (it lacks tests/test_redis.py)"
            "; name one: make stock-tests DRAMATIQ=path/to/checkout"
        )
    if options.inside:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return run(checkout, options.stock, rest)
    install()
    if namespace := own_network():
        flags = ["--stock"] if options.stock else []
        command = [*namespace, sys.executable, __file__, "--inside", *flags, str(checkout), *rest]
        return subprocess.run(command, check=False).returncode
    if taken := [port for port in (REDIS, MEMCACHED) if is_taken(port)]:
        ports = " and ".join(map(str, taken))
        parser.error(f"port {ports} is taken, and no network namespace is to be had: stop that one")
    return run(checkout, options.stock, rest)


def install() -> None:
    """What the tests need and labkit does not, into a folder of its own: the lock stays small."""
    stamp = PACKAGES / "installed"
    if stamp.is_file() and stamp.read_text().split() == NEEDED:
        return
    if shutil.which("uv"):
        tool = ["uv", "pip", "install", "--quiet", "--python", sys.executable]
    else:
        tool = [sys.executable, "-m", "pip", "install", "--quiet"]
    subprocess.run([*tool, "--target", str(PACKAGES), *NEEDED], check=True)
    stamp.write_text("\n".join(NEEDED))


def own_network() -> list[str] | None:
    """The command that runs another in a network namespace of its own; None where none may."""
    if shutil.which("unshare") and shutil.which("ip"):
        for command in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
            probe = [*command, "ip", "link", "set", "lo", "up"]
            if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
                return command
    return None


def is_taken(port: int) -> bool:
    """Whether something answers on this port of the loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def servers(folder: Path) -> Iterator[None]:
    """Redis and, where it is installed, memcached, on the ports that the tests know."""
    wanted = ["--port", str(REDIS), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    running = [tether.start([str(find_binary()), *wanted], output=folder / "redis.log")]
    ports = [REDIS]
    if memcached := shutil.which("memcached"):
        user = ["-u", "root"] if os.geteuid() == 0 else []
        line = [memcached, *user, "-l", "127.0.0.1", "-p", str(MEMCACHED)]
        running.append(tether.start(line, output=folder / "memcached.log"))
        ports.append(MEMCACHED)
    else:
        print("no memcached here: tests that run over it too are skipped whole", file=sys.stderr)
    try:
        deadline = time.monotonic() + 10
        while not all(map(is_taken, ports)):
            if time.monotonic() > deadline:
                raise SystemExit(f"a server did not start; its log is in {folder}")
            time.sleep(0.01)
        yield
    finally:
        for process in running:
            process.kill()


def run(checkout: Path, stock: bool, rest: Sequence[str]) -> int:
    """Starts the servers and pytest, once it is certain which broker the tests will meet."""
    with tempfile.TemporaryDirectory(prefix="labkit-stock-tests-") as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text("[pytest]\nmarkers = benchmark\n")
        paths = [checkout, PACKAGES] if stock else [SWAP, checkout, PACKAGES]
        env = os.environ | {
            # A worker that reloads is started again as plain `python`.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "LABKIT_HOME": name,
            "REDIS_URL": f"redis://127.0.0.1:{REDIS}/0",
        }
        describe = (
            "import dramatiq, redis; from dramatiq.brokers.redis import RedisBroker as broker;"
            "print(f'{broker.__module__}.{broker.__name__}', 'dramatiq', dramatiq.__version__,"
            " 'redis-py', redis.__version__)"
        )
        told = subprocess.run(
            [sys.executable, "-c", describe], env=env, capture_output=True, text=True, check=True
        ).stdout
        if told.startswith("labkit.") == stock:
            raise SystemExit(f"the tests would meet the wrong broker: {told}")
        print(told, end="", flush=True)
        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=120"]
        # labkit's own test plugin is no part of theirs.
        pytest += ["-p", "no:labkit", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
        place = ["-c", str(folder / "pytest.ini"), "--rootdir", str(checkout)]
        with servers(folder):
            line = [*pytest, *place, *CHOSEN, *rest]
            return subprocess.run(line, cwd=checkout, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
