"""Where the database is, and what a wrong address is told."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import pytest

from labkit import database
from labkit.database import engine
from labkit.errors import ConfigurationError
from labkit.settings import Settings


class TestAddress:
    def test_each_environment_has_a_file_of_its_own(self, root: Path) -> None:
        names = {
            env: Path(str(database.address(Settings(env=env)).database)).name
            for env in ("development", "test", "production")
        }
        assert names == {env: f"{env}.sqlite3" for env in names}
        assert database.address().database == str(root / ".labkit" / "development.sqlite3")

    @pytest.mark.parametrize(
        ("url", "test_name"),
        [
            ("postgresql://u@h/shop", "shop_test"),
            ("postgres://u@h/shop_test", "shop_test"),
            ("sqlite:////srv/shop.db", "/srv/shop_test.db"),
        ],
    )
    @pytest.mark.usefixtures("root")
    def test_the_test_environment_never_shares_a_database(self, url: str, test_name: str) -> None:
        assert database.address(Settings(env="test", database_url=url)).database == test_name

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("not an address: hunter2", "cannot be read"),
            ("mysql://u:hunter2@h/d", r"mysql://u:\*\*\*@h/d: labkit has no use"),
            ("nosuch+driver://u:hunter2@h/d", "no use for"),
            ("postgresql+nosuch://u:hunter2@h/d", "no use for"),
            ("sqlite://", "in memory"),
            ("sqlite:///:memory:", "in memory"),
        ],
    )
    @pytest.mark.usefixtures("root")
    def test_a_wrong_one_is_refused_with_what_is_allowed_and_no_password(
        self, url: str, said: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", url)
        with pytest.raises(ConfigurationError, match=said) as caught:
            engine()
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))

    @pytest.mark.usefixtures("root")
    def test_postgresql_without_its_driver_names_the_extra(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)  # what Python does for "not installed"
        monkeypatch.setenv("DATABASE_URL", "postgresql://u@127.0.0.1:1/no_driver")
        with pytest.raises(ConfigurationError, match="its extra `postgres`"):
            engine()
