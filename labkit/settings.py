"""Settings: what the environment and ``labkit.toml`` say, with defaults for all of it.

``labkit.toml`` is the guide's ``sidekiq.yml`` and initializer in one. Its top level holds for every
environment; a table named after an environment (``[production]``) overrides it there. Unlike the
guide's file, an environment that is missing from it simply gets the top level.

The order, strongest first: arguments of ``Settings(...)``, environment variables, the table of
the environment, the top level of the file, the defaults here. The addresses of Redis and of the
database come from ``REDIS_URL`` and ``DATABASE_URL`` alone: they may hold passwords, and
``labkit.toml`` is committed.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from labkit import hub
from labkit.errors import ConfigurationError

CONFIG_NAME = "labkit.toml"
#: Where an application keeps its jobs.
JOBS = "app/jobs"
# Dramatiq's own rule for a queue's name (its actor decorator refuses others).
QUEUE_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9._-]*")
REDIS_SCHEMES = ("redis://", "rediss://", "unix://", "redis+sentinel://", "rediss+sentinel://")
ONLY_IN_ENVIRONMENT = {"redis_url": "REDIS_URL", "database_url": "DATABASE_URL"}


def find_root() -> Path:
    """The folder that holds ``labkit.toml``, ``.labkit/`` and the SQLite files.

    The current directory or its nearest parent with a ``labkit.toml``; else the nearest with
    ``app/jobs/``, an application that has left the course; else ``LABKIT_HOME``; else
    the folder around this virtual environment, when that has one (``make lab`` puts ``.venv``
    there, so a terminal elsewhere finds the same root); else the platform's user directory.
    """
    here = Path.cwd()
    for sign in (CONFIG_NAME, JOBS):
        for folder in (here, *here.parents):
            if (folder / sign).exists():
                return folder
    if home := os.environ.get("LABKIT_HOME"):
        return Path(home).expanduser().resolve()
    around = Path(sys.prefix).resolve().parent
    if (around / CONFIG_NAME).is_file():
        return around
    return Path(platformdirs.user_data_dir("labkit"))


def redact_url(url: str) -> str:
    """The URL with its password, if it has one, as ``***``: safe to print and to log."""
    without_userinfo = re.sub(r"(?<=://)([^/@:?#]*):.*@", r"\1:***@", url)
    return re.sub(r"(?i)([?&][^=&]*pass[^=&]*=)[^&]*", r"\1***", without_userinfo)


class _TomlSource(PydanticBaseSettingsSource):
    """``labkit.toml``: the top level, overridden by the table of the current environment."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False  # pydantic wants the method; __call__ answers for all fields

    def __call__(self) -> dict[str, Any]:
        # pydantic-settings files a value under its alias or its name, as the version has it.
        given = self.current_state
        root = given.get("labkit_settings_root") or given.get("root") or find_root()
        path = Path(root) / CONFIG_NAME
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ConfigurationError(f"{path} is not valid TOML: {error}") from None
        environment = self.current_state.get("env") or os.environ.get("LABKIT_ENV", "development")
        everywhere = {key: value for key, value in content.items() if not isinstance(value, dict)}
        tables = {key: value for key, value in content.items() if isinstance(value, dict)}
        for place, table in {"": everywhere, **tables}.items():
            self._refuse_unknown(path, place, table)
        return {**everywhere, **tables.get(str(environment), {})}

    def _refuse_unknown(self, path: Path, place: str, table: dict[str, Any]) -> None:
        where = f"{path}, [{place}]" if place else str(path)
        allowed = set(self.settings_cls.model_fields) - set(ONLY_IN_ENVIRONMENT) - {"root", "env"}
        for key in table:
            if key in ONLY_IN_ENVIRONMENT:
                raise ConfigurationError(
                    f"{where}: {key} may hold a password and belongs in the environment variable "
                    f"{ONLY_IN_ENVIRONMENT[key]}, not in a file that is committed."
                )
            if key not in allowed:
                raise ConfigurationError(
                    f"{where}: there is no setting {key!r}. Allowed: {', '.join(sorted(allowed))}."
                )


class Settings(BaseSettings):
    """All of labkit's settings; reading them starts nothing and connects to nothing.

    Raises:
      ConfigurationError: a value that cannot work; the message names the file or the variable,
        the key, and what is allowed.
    """

    model_config = SettingsConfigDict(
        env_prefix="LABKIT_",
        frozen=True,
        validate_by_name=True,
        extra="ignore",
        env_ignore_empty=True,
    )

    root: Path = Field(default_factory=find_root, validation_alias="labkit_settings_root")
    env: str = Field("development", pattern=r"^[a-z][a-z0-9_]*$")
    redis_url: SecretStr | None = Field(None, validation_alias="REDIS_URL")
    database_url: SecretStr | None = Field(None, validation_alias="DATABASE_URL")
    namespace: str = Field(default_factory=hub.namespace, pattern=r"^[^\s:]+$")
    #: Connections to Redis of one process; more threads than that wait for their turn.
    pool_size: int = Field(4, ge=1, le=1000)
    #: Seconds that one command may take on the network.
    network_timeout: float = Field(5.0, gt=0, le=600)
    #: A send returns once so many replicas have it, too (Redis's ``WAIT``).
    wait_replicas: int = Field(0, ge=0, le=100)
    #: Threads of one worker process, and worker processes.
    concurrency: int = Field(4, ge=1, le=1000)
    processes: int = Field(1, ge=1, le=64)
    #: Whether a worker of ``labkit.jobs`` tells Prometheus what it does, at Dramatiq's own port.
    metrics: bool = False
    #: The queues that ``labkit worker`` listens to; an empty list is every queue.
    queues: Annotated[list[str], NoDecode] = []
    #: Completed, dead and cancelled records are kept up to this many a state, and this many days.
    keep_jobs: int = Field(10_000, ge=0, le=1_000_000_000)
    keep_days: float = Field(7, gt=0, le=36_500)
    #: Jobs that may wait in the namespace at once, and what its messages may hold in all: what
    #: would be more is refused at the call. 0 is no bound.
    max_waiting: int = Field(default_factory=lambda: hub.of_a_learner(10_000), ge=0)
    max_megabytes: int = Field(default_factory=lambda: hub.of_a_learner(64), ge=0)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigurationError(_explain(error, values)) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _TomlSource(settings_cls)

    @field_validator("queues", mode="before")
    @classmethod
    def _split_queues(cls, value: object) -> object:
        if isinstance(value, str):
            return [name.strip() for name in value.split(",") if name.strip()]
        return value

    @field_validator("queues")
    @classmethod
    def _name_queues(cls, value: list[str]) -> list[str]:
        for name in value:
            if not QUEUE_NAME.fullmatch(name):
                raise ValueError(
                    f"{name!r} is no queue name; letters, digits, '.', '_' and '-', a letter first"
                )
        return value

    @field_validator("redis_url")
    @classmethod
    def _know_scheme(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(REDIS_SCHEMES):
            raise ValueError(f"a Redis URL begins with {', '.join(REDIS_SCHEMES)}")
        return value

    @property
    def state_dir(self) -> Path:
        """``.labkit/`` under the root: the private Redis and the SQLite files live there."""
        return self.root / ".labkit"

    @property
    def work(self) -> Path:
        """The learner's application: ``work/`` in the course, and the root itself elsewhere."""
        return self.root if (self.root / JOBS).is_dir() else self.root / "work"

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in use, password included: ``DATABASE_URL``, else a SQLite file.

        One file an environment, so that tests never meet the rows of development.
        """
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.state_dir / (self.env + '.sqlite3')}"


def _explain(error: ValidationError, given: dict[str, Any]) -> str:
    """One line a wrong value: where it stands, what it is, what is allowed."""
    lines = []
    for problem in error.errors(include_input=True, include_url=False):
        key = str(problem["loc"][0]) if problem["loc"] else "settings"
        field = "root" if key == "labkit_settings_root" else key.lower()
        variable = key if key.isupper() else f"LABKIT_{key.upper()}"
        if field in given:
            source = f"Settings({field}=…)"
        elif os.environ.get(variable):
            source = f"environment variable {variable}"
        else:
            source = str(Path(given.get("root") or find_root()) / CONFIG_NAME)
        # An address may hold a password, so its value is never repeated.
        shown = "" if field in ONLY_IN_ENVIRONMENT else f" = {problem['input']!r}"
        reason = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{source}: {field}{shown}: {reason}.")
    return "\n".join(lines)
