"""``labkit lab`` and ``labkit worker``: everything is made ready, then this process becomes them.

Jupyter's part of it stands in ``labkit/jupyter/``, which joins Jupyter's own search path: notebooks
are saved without widget views, nobody is asked about news, and a terminal's shell is no login
shell, because that would set the PATH anew and lose ``dramatiq``. Its kernel is ipykernel's with
``labkit.cell_order`` loaded.
"""

from __future__ import annotations

import os
import socket
import sys
import sysconfig
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.errors import LabkitError
from labkit.redis_private import keep_over_exec
from labkit.worker import command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from labkit.settings import Settings

JUPYTER = Path(__file__).parent / "jupyter"
FIRST = "notebooks/00_start_here.ipynb"


def prepare_tables() -> None:
    """Bring the tables up to date, in a process of its own that nobody waits for.

    It takes a second or two, while JupyterLab takes its own. A failure is one line on stderr, and
    the first notebook that needs the tables tries again and says the same.
    """
    if os.fork() == 0:
        try:
            # Twice, so that JupyterLab is not left with a child that it does not know.
            if os.fork() == 0:
                from labkit.database import create_tables

                create_tables()
        except LabkitError as error:
            sys.stderr.write(f"labkit: {error}\n")
        finally:
            os._exit(0)
    os.wait()


def lab_command(settings: Settings, extra: Sequence[str]) -> list[str]:
    """JupyterLab's command line; ``extra`` comes last and so wins.

    Raises:
      LabkitError: JupyterLab is not installed, or the port asked for is taken.
    """
    if find_spec("jupyterlab") is None:
        raise LabkitError(
            "JupyterLab is not installed here. In the course's folder `make lab` brings it; or "
            "install labkit from its checkout with the extra `lab`: pip install -e '.[lab]'"
        )
    line = [sys.executable, "-m", "jupyterlab"]
    has_notebooks = (settings.root / FIRST).is_file()
    line.append(f"--ServerApp.root_dir={settings.root if has_notebooks else Path.cwd()}")
    if has_notebooks:
        line.append(f"--LabApp.default_url=/lab/tree/{FIRST}")
    if os.geteuid() == 0:
        line.append("--allow-root")
    if not _has_screen(os.environ):
        line.append("--no-browser")
    if (port := _port(extra)) is not None:
        _check_port(port)
        # Else Jupyter would take the next one that is free, and say so in one line of many.
        line.append("--ServerApp.port_retries=0")
    return [*line, *extra]


def worker_command(settings: Settings, extra: Sequence[str]) -> list[str]:
    """The worker that labkit.toml describes; ``extra`` are further options of ``dramatiq``."""
    line = command(settings.processes, settings.concurrency, [])
    says_queues = any(word.partition("=")[0] in ("-Q", "--queues") for word in extra)
    queues = [] if says_queues else settings.queues
    # -Q takes all words behind it, so it stays last.
    return [*line, *extra, *(["-Q", *queues] if queues else [])]


def environment(settings: Settings) -> dict[str, str]:
    """This process's variables, for a child that finds this root, these programs and our hooks."""
    path = [sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)]
    config = [str(JUPYTER), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    data = [str(JUPYTER / "share"), os.environ.get("JUPYTER_PATH", "")]
    return {
        **os.environ,
        "LABKIT_HOME": str(settings.root),
        "PATH": os.pathsep.join(path),
        "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, config)),
        "JUPYTER_PATH": os.pathsep.join(filter(None, data)),
    }


def become(line: list[str], env: Mapping[str, str]) -> None:
    """Replace this process by the command; the private Redis stays in use until that ends."""
    keep_over_exec()
    sys.stdout.flush()
    os.execve(line[0], line, env)  # noqa: S606


def _has_screen(env: Mapping[str, str]) -> bool:
    if sys.platform == "darwin":
        return "SSH_CONNECTION" not in env
    return bool(env.get("DISPLAY") or env.get("WAYLAND_DISPLAY"))


def _port(extra: Sequence[str]) -> int | None:
    for word, behind in pairwise([*extra, ""]):
        name, _, value = word.partition("=")
        if name in ("--port", "--ServerApp.port"):
            text = value or behind
            if not text.isdecimal() or int(text) > 65535:
                raise LabkitError(f"{text!r} is no port: a number up to 65535.")
            return int(text)
    return None


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise LabkitError(
                f"Port {port} cannot be used ({error.strerror}). Name another, or leave --port "
                "out and JupyterLab takes a free one."
            ) from None
