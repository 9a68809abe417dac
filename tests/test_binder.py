"""The Binder launch: what repo2docker would do, and the two scripts, run without Docker."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import distribution
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import websocket

from tests import support_rules
from tests.support import wait_until
from tools import environments

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "only-for-this-test"


def copy_repository(target: Path) -> Path:
    """The files under version control, as Binder would get them."""
    for path in support_rules.repository_files(ROOT):
        goal = target / path.relative_to(ROOT)
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, goal)
    return target


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, in which postBuild and start may leave what they leave."""
    return copy_repository(tmp_path_factory.mktemp("binder") / "repository")


def test_repo2docker_takes_the_environment_and_both_scripts(repository: Path) -> None:
    command = [str(Path(sys.executable).parent / "jupyter-repo2docker"), "--no-build", "--debug"]
    done = subprocess.run([*command, "."], cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    steps = done.stdout.splitlines()

    def place(part: str) -> int:
        found = [number for number, step in enumerate(steps) if part in step]
        assert found, f"no step has {part!r} in it"
        return found[0]

    # The versions first, then the repository, then what is done in it as the user.
    install = place('env update -p ${NB_PYTHON_PREFIX} --file "binder/environment.yml"')
    arrive = place("COPY --chown=0:0 src/ ${REPO_DIR}/")
    assert install < arrive < place("RUN ./binder/postBuild")
    assert place('R2D_ENTRYPOINT="${REPO_DIR}/binder/start"') > arrive
    assert "python=3.12" in done.stderr


def install_from_here(prefix: Path) -> None:
    """Puts into a fresh environment what environment.yml names, and nothing else.

    Linked file by file from the environment that runs the tests: the same packages as pip would
    install, in two seconds and without the network.
    """
    venv.create(prefix, with_pip=True)
    library = Path(
        subprocess.run(
            [prefix / "bin/python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    )
    markers = [(pin.name, pin.requirement.marker) for pin in environments.pins()]
    for name in {name for name, marker in markers if marker is None or marker.evaluate()}:
        for file in distribution(name).files or ():
            source, goal = Path(str(file.locate())), Path(os.path.normpath(library / file))
            if source.is_file() and not goal.exists():
                place_file(source, goal, prefix)
                if source.suffix == ".py":
                    compiled = Path(cache_from_source(str(source)))
                    if compiled.is_file():
                        place_file(compiled, Path(cache_from_source(str(goal))), prefix)


def place_file(source: Path, goal: Path, prefix: Path) -> None:
    """Links a file, or copies it to another disk; a script gets the Python of its new home."""
    goal.parent.mkdir(parents=True, exist_ok=True)
    if goal.parent == prefix / "bin" and source.read_bytes()[:2] == b"#!":
        lines = source.read_text().replace(sys.prefix, str(prefix))
        goal.write_text(lines)
        goal.chmod(0o755)
        return
    try:
        os.link(source, goal)
    except FileExistsError:
        pass
    except OSError:
        shutil.copy2(source, goal)


class Session:
    """A Binder session: the environment after postBuild, and what ``start`` runs."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self.repository, self.folder, self.prefix = repository, folder, folder / "environment"
        ours = ("LABKIT_", "JUPYTER_", "REDIS_URL", "DATABASE_URL", "PYTHON", "VIRTUAL_ENV")
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(ours)},
            "HOME": str(folder / "home"),
            "PATH": os.pathsep.join([str(self.prefix / "bin"), os.environ["PATH"]]),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "LABKIT_LOCAL_REDIS": "",
            "LABKIT_REDIS_LINGER": "1",
        }
        self.log = folder / "start.log"

    def post_build(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["binder/postBuild"],
            cwd=self.repository,
            env=self.environment,
            capture_output=True,
            text=True,
        )

    def start(self) -> subprocess.Popen[bytes]:
        command = ["jupyter-lab", "--no-browser", "--allow-root", "--ServerApp.port=0"]
        command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"]
        with self.log.open("wb") as log:
            return subprocess.Popen(
                ["binder/start", *command],
                cwd=self.repository,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def url(self) -> str:
        """The server's address, as it wrote it down; empty until it did."""
        for path in (self.folder / "runtime").glob("jpserver-*.json"):
            with suppress(ValueError):
                return str(json.loads(path.read_text())["url"])
        return ""

    def ask(self, path: str, body: Any = None, method: str | None = None) -> Any:
        request = urllib.request.Request(
            self.url() + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {TOKEN}"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read().decode()
        return json.loads(text) if answer.headers.get_content_subtype() == "json" else text

    def run_cell(self, channels: websocket.WebSocket, code: str) -> dict[str, Any]:
        """Executes a cell over the kernel's channels and returns its reply."""
        header = {
            "msg_id": uuid4().hex,
            "msg_type": "execute_request",
            "username": "",
            "session": uuid4().hex,
            "version": "5.3",
        }
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        message = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
        }
        channels.send(json.dumps(message))
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            answer = json.loads(channels.recv())
            of_this = answer["parent_header"].get("msg_id") == header["msg_id"]
            if of_this and answer["msg_type"] == "execute_reply":
                return dict(answer["content"])
        raise AssertionError(f"no reply to {code!r}")


@pytest.fixture(scope="module")
def session(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """After postBuild, with JupyterLab answering."""
    session = Session(repository, tmp_path_factory.mktemp("session"))
    install_from_here(session.prefix)
    built = session.post_build()
    assert built.returncode == 0, built.stdout + built.stderr
    process = session.start()
    try:
        wait_until(
            lambda: session.url() or process.poll() is not None, 40, "JupyterLab wrote its address"
        )
        assert process.poll() is None, session.log.read_text()
        yield session
    finally:
        process.terminate()
        process.wait(20)


def test_post_build_installs_labkit_and_makes_the_tables(session: Session) -> None:
    code = "import labkit, sys; print(labkit.__file__, sys.prefix)"
    python = session.prefix / "bin" / "python"
    told = subprocess.run(
        [python, "-c", code], cwd=session.folder, capture_output=True, text=True, check=True
    ).stdout
    assert told.split() == [f"{session.repository}/labkit/__init__.py", str(session.prefix)]
    assert list((session.repository / ".labkit").glob("*.sqlite3"))


def test_start_finds_redis_and_then_runs_what_it_is_given(session: Session) -> None:
    log = session.log.read_text()
    assert "source='private'" in log
    assert log.index("source='private'") < log.index("jupyterlab")


def test_jupyterlab_answers_and_has_no_news(session: Session) -> None:
    assert "<title>JupyterLab</title>" in session.ask("lab")
    settings = session.ask("lab/api/settings/@jupyterlab/apputils-extension:notification")
    assert settings["schema"]["properties"]["fetchNews"]["default"] == "false"


def test_a_notebook_runs_in_it(session: Session) -> None:
    place = {"path": "notebooks/here.ipynb", "name": "here.ipynb", "type": "notebook"}
    kernel = session.ask("api/sessions", {**place, "kernel": {"name": "python3"}})["kernel"]["id"]
    address = session.url().replace("http", "ws", 1) + f"api/kernels/{kernel}/channels"
    channels = websocket.create_connection(f"{address}?token={TOKEN}", timeout=40)
    try:
        counts = "from labkit import Ledger\nassert set(Ledger().counts().values()) == {0}"
        for cell in ("%load_ext labkit", counts):
            reply = session.run_cell(channels, cell)
            assert reply["status"] == "ok", reply
    finally:
        channels.close()


def test_a_saved_notebook_holds_no_widget_view(session: Session) -> None:
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "Board"}
    cell = {
        "cell_type": "code",
        "id": "one",
        "source": "board",
        "metadata": {},
        "execution_count": 1,
        "outputs": [{"output_type": "display_data", "metadata": {}, "data": view}],
    }
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    body = {"type": "notebook", "format": "json", "content": notebook}
    session.ask("api/contents/saved.ipynb", body, method="PUT")
    saved = json.loads((session.repository / "saved.ipynb").read_text())
    assert saved["cells"][0]["outputs"][0]["data"] == {"text/plain": ["Board"]}


def test_an_error_in_post_build_is_an_error(repository: Path, tmp_path: Path) -> None:
    broken = Session(tmp_path, tmp_path / "session")
    (tmp_path / "binder").mkdir()
    shutil.copy(repository / "binder" / "postBuild", tmp_path / "binder")
    # No pyproject.toml here: the first of its commands fails.
    assert broken.post_build().returncode != 0
