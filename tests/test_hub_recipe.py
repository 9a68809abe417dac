"""The recipe for JupyterHub: two users log in, and each one's kernel has its own jobs and rows."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import sleep
from typing import Self
from uuid import uuid4

import pytest
import requests
import websocket

from labkit import tether
from labkit.hub import namespace_of
from labkit.redis_process import free_port
from tests.support import wait_until

RECIPE = Path(__file__).parent.parent / "recipes" / "jupyterhub" / "jupyterhub_config.py"
PASSWORD = "of-the-class"
CELL = """
%load_ext labkit
from labkit import Ledger, Settings, Task, session
from labkit.database import engine
from labkit.jobs import task_logger
from sqlalchemy import text
with session() as db:
    db.add(Task(title="mine"))
    db.flush()
    schema = db.execute(text("SELECT current_schema()")).scalar()
    rows = db.execute(text("SELECT count(*) FROM tasks")).scalar()
import json, os, shutil
print("seen", json.dumps([Settings().namespace, schema, rows, sum(Ledger().counts().values()),
                          os.getcwd(), bool(shutil.which("dramatiq"))]))
"""


class Browser:
    """A user who logs in with a form, as people do, and then runs cells in their own server."""

    def __init__(self, hub: str, user: str) -> None:
        self.http = requests.Session()
        self.http.trust_env = False
        page = self.http.get(f"{hub}/hub/login")
        token = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
        assert token, page.text
        form = {"username": user, "password": PASSWORD, "_xsrf": token[1]}
        self.http.post(f"{hub}/hub/login?_xsrf={token[1]}", data=form).raise_for_status()
        self.http.get(f"{hub}/hub/spawn").raise_for_status()
        self.base = f"{hub}/user/{user}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.http.close()

    def is_there(self) -> bool:
        sleep(0.2)  # the hub notes each question in its log
        # By way of the hub, which says who this is: the server then sets cookies of its own.
        page = self.http.get(f"{self.base}/lab")
        return page.ok and page.url.startswith(self.base)

    def run(self, code: str) -> str:
        """What a cell prints, in a new kernel of the user's own server."""
        wait_until(self.is_there, 100, "the server is there")
        cookies = {
            c.name: c.value
            for c in self.http.cookies
            if c.path and f"{self.base}/".endswith(c.path)
        }
        headers = {"X-XSRFToken": str(cookies["_xsrf"])}
        started = self.http.post(
            f"{self.base}/api/kernels", json={"path": "notebooks"}, headers=headers
        )
        assert started.status_code == 201, started.text
        url = f"{self.base}/api/kernels/{started.json()['id']}/channels".replace("http", "ws", 1)
        words = "; ".join(f"{name}={value}" for name, value in cookies.items())
        with closing(websocket.create_connection(url, cookie=words, timeout=100)) as wire:
            return self._ask(wire, code)

    @staticmethod
    def _ask(wire: websocket.WebSocket, code: str) -> str:
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        header = {"msg_id": uuid4().hex, "msg_type": "execute_request", "session": uuid4().hex}
        message = {"header": header | {"username": "", "version": "5.3"}, "parent_header": {}}
        wire.send(json.dumps(message | {"metadata": {}, "content": content, "channel": "shell"}))
        printed = ""
        while True:
            reply = json.loads(wire.recv())
            if reply["msg_type"] == "error":
                raise AssertionError("\n".join(reply["content"]["traceback"]))
            if reply["msg_type"] == "stream":
                printed += reply["content"]["text"]
            if reply["msg_type"] == "execute_reply":
                return printed


@pytest.fixture
def hub(tmp_path: Path, redis_url: str, postgres_url: str) -> Iterator[str]:
    """The hub of the recipe; everything that it keeps is in a folder of this test."""
    ports = [free_port() for _ in range(3)]
    line = [sys.executable, "-m", "jupyterhub", "-f", str(RECIPE), "--ip=127.0.0.1"]
    line += [f"--port={ports[0]}", f"--JupyterHub.hub_port={ports[1]}"]
    line += [f"--ConfigurableHTTPProxy.api_url=http://127.0.0.1:{ports[2]}"]
    tools = Path(sys.executable).parent
    ours = ("LABKIT_", "JUPYTER", "PYTEST_")
    env = {key: value for key, value in os.environ.items() if not key.startswith(ours)} | {
        "PATH": os.pathsep.join([str(tools), os.environ.get("PATH", os.defpath)]),
        "REDIS_URL": redis_url,
        "DATABASE_URL": postgres_url,
        "CLASS_PASSWORD": PASSWORD,
    }
    log = tmp_path / "hub.log"
    process = tether.start(line, output=log, env=env, cwd=tmp_path)
    url = f"http://127.0.0.1:{ports[0]}"

    def answers() -> bool:
        assert process.running, log.read_text()[-3000:]
        try:
            return requests.get(f"{url}/hub/login", timeout=5).ok
        except requests.ConnectionError:
            return False

    try:
        wait_until(answers, 60, "the hub answers")
        yield url
    finally:
        # In order, or its proxy and its users' servers, each a session of its own, would stay.
        process.signal(signal.SIGTERM)
        assert process.wait(60)
        print(log.read_text()[-6000:])


@pytest.mark.timeout(240)
def test_two_users_log_in_and_see_their_own(hub: str, tmp_path: Path) -> None:
    for user in ("ann", "bob.smith"):
        with Browser(hub, user) as browser:
            seen = browser.run(CELL)
        namespace, schema, rows, jobs, here, has_dramatiq = json.loads(seen.rpartition("seen ")[2])
        assert namespace == schema == namespace_of(user)
        assert (rows, jobs) == (1, 1)
        assert here == str(tmp_path / "homes" / namespace / "notebooks")
        assert has_dramatiq
    with Browser(hub, "ann") as browser, pytest.raises(AssertionError, match="ZeroDivisionError"):
        browser.run("1 / 0")
