"""Settings: environment variables over labkit.toml over defaults, with errors that say where."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.errors import ConfigurationError
from labkit.settings import Settings, find_root, redact_url

PASSWORD = "hunter2"
TOML = """
concurrency = 1
queues = ["default", "mail"]

[production]
concurrency = 10
"""


@pytest.fixture
def config(root: Path) -> Path:
    path = root / "labkit.toml"
    path.write_text(TOML)
    return path


def test_the_defaults_of_a_folder_with_nothing_said(root: Path) -> None:
    (root / "labkit.toml").write_text("")
    settings = Settings()
    assert settings.root == root
    assert (settings.pool_size, settings.network_timeout) == (4, 5.0)
    assert settings.database == f"sqlite:///{root}/.labkit/development.sqlite3"
    assert settings.redis_url is None


def test_an_environment_overrides_the_top_level(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Settings().concurrency == 1
    monkeypatch.setenv("LABKIT_ENV", "production")
    assert (Settings().concurrency, Settings().queues) == (10, ["default", "mail"])


def test_an_environment_that_the_file_lacks_gets_the_top_level(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABKIT_ENV", "staging")
    assert Settings().concurrency == 1


def test_a_variable_beats_the_file_and_an_argument_beats_both(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABKIT_CONCURRENCY", "7")
    monkeypatch.setenv("LABKIT_QUEUES", "a, b")
    assert (Settings().concurrency, Settings().queues) == (7, ["a", "b"])
    assert Settings(concurrency=9).concurrency == 9


def test_more_threads_than_connections_is_no_mistake(root: Path) -> None:
    assert Settings(concurrency=50, pool_size=1).concurrency == 50


def test_the_root_is_found_from_below_and_by_variable(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = root / "notebooks" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_root() == root
    monkeypatch.chdir(tmp_path)
    assert find_root() == root  # LABKIT_HOME


def test_an_application_that_left_the_course_is_its_own_root(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Settings().work == root / "work"
    (tmp_path / "moved" / "app" / "jobs").mkdir(parents=True)
    (tmp_path / "moved" / "tests").mkdir()
    monkeypatch.chdir(tmp_path / "moved" / "tests")
    assert Settings().root == Settings().work == tmp_path / "moved"


@pytest.mark.parametrize(
    ("toml", "parts"),
    [
        ("concurrency = 0", ["labkit.toml", "concurrency", "greater than or equal to 1"]),
        ("concurrency = 'many'", ["labkit.toml", "concurrency", "'many'"]),
        ("queues = ['a b']", ["labkit.toml", "queues", "'a b'"]),
        ("concurency = 1", ["labkit.toml", "'concurency'", "Allowed: concurrency"]),
        ("[production]\nsize = 4", ["labkit.toml", "[production]", "'size'"]),
        ("concurrency = ", ["labkit.toml", "not valid TOML", "Invalid value"]),
        (f"queues = {'[' * 5_000}", ["labkit.toml", "not valid TOML", "recursion"]),
        ("keep_days = inf", ["labkit.toml", "keep_days", "36500"]),
        (f"keep_jobs = {10**20}", ["labkit.toml", "keep_jobs", "1000000000"]),
        ("redis_url = 'redis://:pw@h'", ["REDIS_URL", "labkit.toml"]),
    ],
)
def test_a_wrong_value_in_the_file_is_named(root: Path, toml: str, parts: list[str]) -> None:
    (root / "labkit.toml").write_text(toml)
    with pytest.raises(ConfigurationError) as caught:
        Settings()
    for part in parts:
        assert part in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(root: Path) -> None:
    (root / "labkit.toml").unlink()
    (root / "labkit.toml").mkdir()
    with pytest.raises(ConfigurationError, match=r"labkit.toml cannot be read: Is a directory"):
        Settings()


def test_a_wrong_variable_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_CONCURRENCY", "many")
    with pytest.raises(ConfigurationError, match="environment variable LABKIT_CONCURRENCY"):
        Settings()


def test_a_wrong_address_is_named_and_its_password_is_not(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", f"http://:{PASSWORD}@host")
    with pytest.raises(ConfigurationError) as caught:
        Settings()
    assert "environment variable REDIS_URL" in str(caught.value)
    assert "redis://" in str(caught.value)
    assert PASSWORD not in str(caught.getrepr(showlocals=True))


def test_no_password_in_a_repr(root: Path) -> None:
    settings = Settings(redis_url="redis://:hunter2@h", database_url="postgresql://u:hunter2@h/d")
    assert "hunter2" not in repr(settings) + str(settings)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/12", "redis://127.0.0.1:6379/12"),
        ("redis://:pw@h:1/2", "redis://:***@h:1/2"),
        ("rediss://ann:p@ss:w@h", "rediss://ann:***@h"),
        ("postgresql+psycopg://u:p/w@h/db", "postgresql+psycopg://u:***@h/db"),
        ("unix:///run/redis.sock?db=1&password=pw", "unix:///run/redis.sock?db=1&password=***"),
    ],
)
def test_redact_url(url: str, shown: str) -> None:
    assert redact_url(url) == shown


def test_a_root_that_is_given_has_its_own_file(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "labkit.toml").write_text("concurrency = 7\n")
    assert Settings(root=other).concurrency == 7
    (other / "labkit.toml").write_text("concurrency = 0\n")
    with pytest.raises(ConfigurationError, match=str(other / "labkit.toml")):
        Settings(root=other)
