"""A class: of the hub's user come a namespace, a schema and a bound; nobody meets another's."""

from __future__ import annotations

import re
from pathlib import Path

import dramatiq
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as some
from sqlalchemy import text
from sqlmodel import select

from labkit import hub
from labkit.broker import LabBroker
from labkit.codec import encode
from labkit.course.lab import clear
from labkit.database import address, create_tables, engine, prepare_test, session, using
from labkit.errors import DatabaseNotReady, TooManyJobs
from labkit.ledger.reader import Ledger
from labkit.models import Task
from labkit.redis_server import ThrowawayRedis
from labkit.settings import Settings
from labkit.worker import Worker

ODD = [
    "Ann",
    "ann@example.org",
    "ann.example.org",
    "Ünï cödé",
    "李",
    "*",
    "a:b",
    "pg_ann",
    "a" * 90,
]
NAMES = ["ann", "ann_b", "ann-b", "ann test", "dramatiq", "public", "postgres", "-", "\udce9", *ODD]


class TestNamespace:
    def test_of_any_user_is_valid_distinct_and_the_same_each_time(self) -> None:
        made = [hub.namespace_of(name) for name in NAMES]
        assert len({*made, hub.NAMESPACE}) == len(NAMES) + 1
        assert made == [hub.namespace_of(name) for name in NAMES]
        assert all(re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,49}", name) for name in made)

    @given(some.text(min_size=1), some.text(min_size=1))
    def test_of_two_users_is_never_one(self, one: str, other: str) -> None:
        assert (hub.namespace_of(one) == hub.namespace_of(other)) == (one == other)

    @given(some.text(some.characters(codec="utf-8"), min_size=1))
    def test_has_a_schema_that_postgresql_takes_whole(self, name: str) -> None:
        for namespace in (hub.namespace_of(name), name):
            schema = hub.schema_of(namespace, "test") or ""
            assert len(schema.encode()) < 64
            assert not schema.startswith("pg_")

    def test_a_plain_name_is_kept(self) -> None:
        assert hub.namespace_of("ann_b2") == hub.schema_of("ann_b2", "development") == "ann_b2"

    def test_is_the_hubs_users_unless_a_setting_says_otherwise(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("JUPYTERHUB_USER", raising=False)
        assert (Settings().namespace, Settings().max_waiting) == ("dramatiq", 0)
        monkeypatch.setenv("JUPYTERHUB_USER", "ann")
        assert (Settings().namespace, Settings().max_waiting) == ("ann", 10_000)
        assert Settings().max_megabytes == 64
        (root / "labkit.toml").write_text('namespace = "of_the_file"')
        assert Settings().namespace == "of_the_file"
        monkeypatch.setenv("LABKIT_NAMESPACE", "of_the_variable")
        monkeypatch.setenv("LABKIT_MAX_WAITING", "0")
        assert (Settings().namespace, Settings().max_waiting) == ("of_the_variable", 0)


def test_a_worker_on_another_redis_has_dramatiqs_own_namespace_as_a_broker_has(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "ann")
    with ThrowawayRedis() as server, Worker.start(env={"REDIS_URL": server.url}):
        assert len(Ledger(server.url).workers()) == 1
        assert Ledger().workers() == []


class TestSchema:
    """Rows of one database, which two learners share."""

    @pytest.fixture(autouse=True)
    def shared(self, backend: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATABASE_URL", postgres_url)

    def titles(self) -> list[str]:
        with session() as db:
            return list(db.exec(select(Task.title)))

    def test_nobody_sees_or_empties_anothers_rows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in NAMES[:4]:
            monkeypatch.setenv("JUPYTERHUB_USER", name)
            with pytest.raises(DatabaseNotReady, match="'tasks'"):
                self.titles()
            for _ in range(2):
                create_tables()
            with session() as db:
                db.add(Task(title=f"of {name}"))
            prepare_test()
            with using(address(Settings(env="test"))):
                assert self.titles() == []
                with session() as db:
                    db.add(Task(title=f"a test of {name}"))
        for name in NAMES[:4]:
            monkeypatch.setenv("JUPYTERHUB_USER", name)
            assert self.titles() == [f"of {name}"]
            with session() as db:
                assert db.execute(text("SELECT id FROM tasks")).scalars().all() == [1]

    def test_a_chapter_that_begins_clears_what_is_its_learners_alone(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("ann", "Bob"):
            monkeypatch.setenv("JUPYTERHUB_USER", name)
            create_tables()
            with session() as db:
                db.add(Task(title=f"of {name}"))
            LabBroker().enqueue(dramatiq.Message("default", "nothing", (), {}, {}))
        clear()
        assert self.titles() == []
        assert sum(Ledger().counts().values()) == 0
        monkeypatch.setenv("JUPYTERHUB_USER", "ann")
        assert self.titles() == ["of ann"]
        assert Ledger().counts()["enqueued"] == 1

    def test_holds_its_own_version_of_the_schema(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JUPYTERHUB_USER", "ann")
        create_tables()
        with engine().connect() as connection:
            found = connection.execute(
                text("SELECT table_schema FROM information_schema.tables WHERE table_name = :name"),
                {"name": "labkit_alembic_version"},
            )
            assert found.scalars().all() == ["ann"]

    def test_outside_of_a_class_is_the_databases_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("JUPYTERHUB_USER", raising=False)
        create_tables()
        with engine().connect() as connection:
            assert connection.scalar(text("SELECT current_schema()")) == "public"

    def test_that_a_learner_may_use_and_not_make_is_enough(
        self, postgres_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A teacher who wants walls gives each learner a role of their own."""
        with using(postgres_url) as owner, owner.begin() as connection:
            role = f"bob_{address().database}"
            connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'hunter2'"))
            connection.execute(text(f"CREATE SCHEMA bob AUTHORIZATION {role}"))
            bob = owner.url.set(username=role, password="hunter2")
        monkeypatch.setenv("DATABASE_URL", bob.render_as_string(hide_password=False))
        monkeypatch.setenv("JUPYTERHUB_USER", "bob")
        create_tables()
        assert self.titles() == []
        monkeypatch.setenv("JUPYTERHUB_USER", "eve")
        with pytest.raises(DatabaseNotReady, match="does not allow this to its user"):
            create_tables()


class TestBound:
    @pytest.fixture
    def bounded(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> LabBroker:
        monkeypatch.setenv("LABKIT_MAX_WAITING", "5")
        monkeypatch.setenv("LABKIT_MAX_MEGABYTES", "64")
        broker = LabBroker()
        dramatiq.set_broker(broker)
        return broker

    def message(self, **options: object) -> dramatiq.Message[None]:
        return dramatiq.Message("default", "nothing", (), {}, options)

    def test_is_kept_at_the_call_with_what_to_do(self, bounded: LabBroker) -> None:
        for delay in (None, None, 60_000):
            bounded.enqueue(self.message(), delay=delay)
        before = Ledger().counts()
        with pytest.raises(TooManyJobs, match=r"3 jobs wait.*'dramatiq'.* 5 jobs.*clear"):
            bounded.enqueue_many([self.message() for _ in range(3)])
        assert Ledger().counts() == before
        bounded.enqueue_many([self.message() for _ in range(2)])
        with pytest.raises(TooManyJobs):
            bounded.enqueue(self.message())
        Ledger().clear()
        bounded.enqueue(self.message())

    def test_is_one_of_bytes_too(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LABKIT_MAX_MEGABYTES", "2")
        broker = LabBroker()
        large: list[dramatiq.Message[None]] = [
            dramatiq.Message("default", "nothing", ("x" * 300_000,), {}, {}) for _ in range(8)
        ]
        with pytest.raises(TooManyJobs, match=r"0 jobs wait.*2 MB"):
            broker.enqueue_many(large)
        broker.enqueue_many(large[:4])
        broker.enqueue(large[4], delay=60_000)
        with pytest.raises(TooManyJobs, match=r"5 jobs wait.*hold 1\.\d MB"):
            broker.enqueue_many(large[5:])
        broker.enqueue(self.message())

    def test_costs_no_round_trip(self, bounded: LabBroker, monkeypatch: pytest.MonkeyPatch) -> None:
        bounded.enqueue(self.message())  # Redis knows the script from here on
        sent: list[str] = []
        send = redis.Connection.send_command

        def listen(self: redis.Connection, *words: str, **options: object) -> None:
            sent.append(words[0])
            send(self, *words, **options)

        monkeypatch.setattr(redis.Connection, "send_command", listen)
        bounded.enqueue(self.message())
        assert sent == ["EVALSHA"]

    def test_a_repeat_whose_reply_was_lost_is_no_new_job(self, bounded: LabBroker) -> None:
        sent = [bounded.enqueue(self.message()) for _ in range(5)]
        bounded._push([(sent[-1], *encode(sent[-1]))])
        assert Ledger().counts()["enqueued"] == 5

    def test_is_one_namespaces_alone(
        self, bounded: LabBroker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bounded.enqueue_many([self.message() for _ in range(5)])
        monkeypatch.setenv("LABKIT_NAMESPACE", "bob")
        LabBroker().enqueue(self.message())
        assert Ledger().counts()["enqueued"] == 1
        Ledger().clear()
        monkeypatch.delenv("LABKIT_NAMESPACE")
        assert Ledger().counts()["enqueued"] == 5
