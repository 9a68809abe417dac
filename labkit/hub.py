"""A class on JupyterHub: each learner has a part of the shared Redis and PostgreSQL to themselves.

The hub says whose server this is in ``JUPYTERHUB_USER``. From that name follow, as defaults that a
setting overrides, the namespace of the learner's keys in Redis, the schema of their rows in
PostgreSQL, and bounds on what may wait there.
"""

from __future__ import annotations

import hashlib
import os
import re

#: The namespace outside of a hub: Dramatiq's own.
NAMESPACE = "dramatiq"
# What is a name in Redis, in PostgreSQL and in a shell alike; the digest of any other has a dash.
_PLAIN = re.compile(r"(?!pg_)[a-z][a-z0-9_]{0,39}")
_TAKEN = {NAMESPACE, "public", "information_schema"}
_SCHEMA = re.compile(r"(?!pg_)[a-z0-9_-]{1,50}")


def namespace() -> str:
    """The learner's namespace; outside of a hub Dramatiq's own."""
    user = os.environ.get("JUPYTERHUB_USER")
    return namespace_of(user) if user else NAMESPACE


def of_a_learner(bound: int) -> int:
    """A bound that holds for a learner of a hub; 0, which is none, outside of one."""
    return bound if os.environ.get("JUPYTERHUB_USER") else 0


def namespace_of(user: str) -> str:
    """A namespace for a hub's user: the name itself where it is plain, else one made of it.

    No two users share one, whatever their names: what is made of a name ends with its digest.
    """
    if _PLAIN.fullmatch(user) and user not in _TAKEN:
        return user
    shown = re.sub(r"[^a-z0-9]+", "-", user.lower()).strip("-")[:24]
    digest = hashlib.sha256(user.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"{shown or 'learner'}-{digest}"


def schema_of(namespace: str, env: str) -> str | None:
    """PostgreSQL's schema for a namespace in an environment; Dramatiq's own has the usual ones.

    A test environment has a schema beside it, with a dot, which no namespace becomes.
    """
    if namespace == NAMESPACE:
        return None
    is_one = _SCHEMA.fullmatch(namespace) and namespace not in _TAKEN
    name = namespace if is_one else namespace_of(namespace)
    return f"{name}.test" if env == "test" else name
