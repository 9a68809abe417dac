"""Sessions, locks, addresses: SQLite shared by processes, and what a wrong setting is told."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlmodel import Session, func, select

from labkit import database
from labkit.database import create_tables, engine, prepare_test, session, using
from labkit.errors import DatabaseNotReady, InvalidRow
from labkit.models import Log, Task
from labkit.settings import Settings
from tests.support import BOTH, gone, wait_until


def count(model: type) -> int:
    with session() as db:
        return db.exec(select(func.count()).select_from(model)).one()


def add_task(title: str = "Buy milk") -> Task:
    with session() as db:
        task = Task(title=title)
        db.add(task)
    return task


@BOTH
@pytest.mark.usefixtures("tables")
class TestSession:
    def test_commits_at_the_end_of_the_block_and_rows_stay_readable(self) -> None:
        task = add_task()
        assert task.id == 1
        assert task.title == "Buy milk"
        assert count(Task) == 1

    def test_saves_nothing_of_a_block_that_raises(self) -> None:
        with suppress(RuntimeError), session() as db:
            db.add(Task(title="Buy milk"))
            db.flush()
            raise RuntimeError
        assert count(Task) == 0

    def test_says_which_rule_of_the_database_a_row_breaks(self) -> None:
        with pytest.raises(InvalidRow, match=r"(?i)foreign key"), session() as db:
            db.add(Log(task_id=99, message="There is no such task"))
        assert count(Log) == 0

    def test_a_reader_takes_no_lock_and_sees_only_what_is_committed(self) -> None:
        with session() as writer:
            writer.add(Task(title="Buy milk"))
            writer.flush()
            assert count(Task) == 0  # answers at once, though the writer holds the lock
        assert count(Task) == 1

    def test_a_session_that_has_read_may_write_after_another_has_written(self) -> None:
        add_task()
        with session() as slow:
            task = slow.get_one(Task, 1)
            with session() as quick:
                quick.get_one(Task, 1).title = "Buy bread"
            slow.add(Log(task_id=1, message=f"It was: {task.title}"))
        assert count(Log) == 1

    def test_a_savepoint_as_first_statement_belongs_to_the_transaction(self) -> None:
        with suppress(RuntimeError), session() as db:
            with db.begin_nested():
                db.add(Task(title="Buy milk"))
            raise RuntimeError
        assert count(Task) == 0

    def test_a_write_hidden_in_a_common_table_expression_is_rolled_back_too(self) -> None:
        insert = (
            "WITH t(x) AS (VALUES ('a')) "
            "INSERT INTO tasks (title, created_at) SELECT x, CURRENT_TIMESTAMP FROM t"
        )
        with suppress(RuntimeError), session() as db:
            db.connection().execute(text(insert))
            raise RuntimeError
        assert count(Task) == 0

    def test_a_second_writer_of_the_same_row_waits_for_the_first(self) -> None:
        add_task()
        done = []

        def rename() -> None:
            with session() as second:
                second.execute(update(Task).values(title=Task.title + " again"))
                done.append("second")

        with session() as first:
            first.execute(update(Task).values(title="Buy bread"))
            second = threading.Thread(target=rename)
            second.start()
            second.join(0.1)
            assert not done
        second.join(10)
        assert done == ["second"]
        with session() as db:
            assert db.get_one(Task, 1).title == "Buy bread again"


class TestSqliteFile:
    @pytest.mark.usefixtures("tables")
    def test_is_in_wal_mode_with_foreign_keys_and_no_fsync_at_each_commit(self) -> None:
        with engine().connect() as connection:
            asked = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "foreign_keys", "synchronous")
            }
        assert asked == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1}

    def test_stands_in_a_folder_that_only_this_user_may_enter(self, root: Path) -> None:
        create_tables()
        database.close()
        assert (root / ".labkit").stat().st_mode & 0o777 == 0o700
        assert (root / ".labkit" / "development.sqlite3").is_file()

    def test_is_the_same_from_everywhere_when_its_address_is_relative(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", "sqlite:///own.db")
        (root / "notebooks").mkdir()
        monkeypatch.chdir(root / "notebooks")
        assert database.address().database == str(root / "own.db")


@BOTH
@pytest.mark.usefixtures("tables")
class TestProcesses:
    def test_a_forked_child_opens_connections_of_its_own(self) -> None:
        parents = engine()
        add_task()
        child = os.fork()
        if child == 0:
            try:
                fine = engine() is not parents and add_task("from the child").id == 2
            finally:
                os._exit(0 if fine else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert count(Task) == 2

    WRITER = """
import sys, threading
from labkit.database import session
from labkit.models import Log

def write(thread):
    for line in range(40):
        with session() as db:
            db.add(Log(task_id=1, message=f"{sys.argv[1]}-{thread}-{line}"))

errors = []
threading.excepthook = lambda args: errors.append(repr(args.exc_value))
threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
sys.exit("\\n".join(errors) or None)
"""

    def test_two_processes_of_eight_threads_write_logs_and_never_find_it_locked(self) -> None:
        add_task()
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", self.WRITER, name], stderr=subprocess.PIPE, text=True
            )
            for name in ("a", "b")
        ]
        said = [writer.communicate(timeout=100)[1] for writer in writers]
        assert [writer.returncode for writer in writers] == [0, 0], said
        with session() as db:
            messages = set(db.exec(select(Log.message)))
        assert len(messages) == count(Log) == 2 * 8 * 40

    def test_a_writer_killed_with_its_lock_leaves_the_database_usable(self) -> None:
        code = (
            "from labkit.database import session; from labkit.models import Task\n"
            "with session() as db:\n"
            "    db.add(Task(title='never')); db.flush(); print('locked', flush=True); input()"
        )
        writer = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        assert writer.stdin is not None
        assert writer.stdout.readline() == b"locked\n"
        writer.kill()
        writer.wait()
        writer.stdin.close()
        writer.stdout.close()
        wait_until(lambda: gone(writer.pid))
        add_task()
        assert count(Task) == 1


@BOTH
@pytest.mark.usefixtures("tables")
def test_using_another_ends_with_its_block(tmp_path: Path) -> None:
    add_task()
    with using(f"sqlite:///{tmp_path / 'other.db'}"):
        create_tables()
        assert count(Task) == 0
    assert count(Task) == 1


class TestNotReady:
    @BOTH
    @pytest.mark.usefixtures("backend")
    def test_a_missing_table_says_how_to_make_it(self) -> None:
        with pytest.raises(DatabaseNotReady, match=r"no 'tasks'.*db upgrade.*create_tables\(\)"):
            add_task()

    @BOTH
    @pytest.mark.usefixtures("tables")
    def test_a_missing_column_is_the_same_mistake(self) -> None:
        with pytest.raises(DatabaseNotReady, match="colour"), session() as db:
            db.connection().execute(text("SELECT colour FROM tasks"))

    @pytest.mark.parametrize("content", [None, "this is no database" * 100])
    def test_a_file_that_cannot_be_opened(
        self, root: Path, content: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = root / ("missing/own.db" if content is None else "own.db")
        if content:
            file.write_text(content)
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{file}")
        with pytest.raises(DatabaseNotReady, match=r"own\.db"):
            create_tables()
        database.close()

    @pytest.mark.usefixtures("root")
    def test_a_server_that_does_not_answer_is_named_without_its_password(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/d")
        with pytest.raises(DatabaseNotReady, match=r"u:\*\*\*@127.0.0.1:1/d") as caught:
            create_tables()
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@BOTH
@pytest.mark.usefixtures("backend")
def test_prepare_test_empties_the_test_database_and_no_other() -> None:
    create_tables()
    add_task()
    with using(database.address(Settings(env="test"))):
        with pytest.raises(DatabaseNotReady, match=r"prepare_test|does not exist"):
            count(Task)
        for _ in range(2):
            prepare_test()
            assert count(Task) == 0
            add_task()
    assert count(Task) == 1


@BOTH
@pytest.mark.usefixtures("tables")
def test_an_ordinary_sqlalchemy_session_gets_the_same_engine() -> None:
    with Session(engine()) as db:
        db.add(Task(title="Buy milk"))
        db.commit()
    with engine().connect() as connection:
        assert connection.scalars(text("SELECT title FROM tasks")).all() == ["Buy milk"]
