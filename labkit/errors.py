"""Every error that labkit raises on purpose, in one tree.

::

    LabkitError
    ├── ConfigurationError a setting has a value that cannot work       (ValueError)
    ├── RedisUnavailable   no Redis answers, or none can be started     (ConnectionError)
    ├── RedisRefused       Redis answers, and refuses the command
    ├── DatabaseNotReady   a table or a migration is missing
    ├── InvalidRow         a row that the model does not accept         (ValueError)
    ├── ArgumentNotJSON    an argument that a message cannot carry      (TypeError)
    ├── InvalidSchedule    a time that says no certain instant          (ValueError)
    ├── TooManyJobs        as many jobs wait as may, and one more was sent
    ├── UnknownQueue       a queue that no worker would look at         (ValueError)
    ├── UnknownJob         no job has this id                           (LookupError)
    ├── AlreadyTaken       a worker has the job, or its state does not allow it
    ├── ReadOnly           an action through what is for looking only  (PermissionError)
    ├── ModeError          a testing mode where it cannot be            (RuntimeError)
    ├── GenerateError      a name that cannot become a file             (ValueError)
    ├── WorkerError        a worker process that did not start or stop  (RuntimeError)
    └── CourseError        a chapter's cell run out of its order

Each message says what is wrong and what to do. Where Python or redis-py has an error of the
same meaning it is a second parent, so code that already catches that one goes on working.
"""

from __future__ import annotations

import redis.exceptions


class LabkitError(Exception):
    """The root of the tree: ``except LabkitError`` catches all that labkit raises on purpose."""


class ConfigurationError(LabkitError, ValueError):
    """A setting has a value that cannot work; names the source, the key and what is allowed."""


class RedisUnavailable(LabkitError, redis.exceptions.ConnectionError):
    """No Redis answers at the address, or there is no Redis to start."""


class RedisRefused(LabkitError):
    """Redis answers, and refuses: out of memory, no permission, a wrong type of key."""


class DatabaseNotReady(LabkitError):
    """The database lacks a table, or its schema is older or newer than this labkit."""


class InvalidRow(LabkitError, ValueError):
    """A row that its model does not accept: an empty message, a task that does not exist."""


class ArgumentNotJSON(LabkitError, TypeError):
    """An argument that JSON cannot carry from the sender to the worker."""


class InvalidSchedule(LabkitError, ValueError):
    """A time that says no certain instant, such as a datetime without a time zone."""


class TooManyJobs(LabkitError):
    """As many jobs wait in the namespace as may, or as many bytes; nothing was sent."""


class UnknownQueue(LabkitError, ValueError):
    """A queue name that no worker would look at."""


class UnknownJob(LabkitError, LookupError):
    """No job of this namespace has the id."""


class AlreadyTaken(LabkitError):
    """A worker has the job by now, or the job is in a state that the action does not fit."""


class ReadOnly(LabkitError, PermissionError):
    """An action through a board, or a ledger, that is for looking only."""


class ModeError(LabkitError, RuntimeError):
    """A testing mode entered inside another, or asked for what it does not hold."""


class GenerateError(LabkitError, ValueError):
    """A name that cannot become a job, a model or a file of the learner's own."""


class WorkerError(LabkitError, RuntimeError):
    """A worker process that did not start, did not stop, or has gone."""


class CourseError(LabkitError):
    """A cell of a chapter that was run before the one that it stands on."""
