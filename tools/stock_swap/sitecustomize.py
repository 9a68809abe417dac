"""Puts LabBroker in RedisBroker's place, before anything else is imported.

Python loads a module of this name at its start, so this also reaches the workers that the tests of
Dramatiq's command line start.
"""

from __future__ import annotations

import dramatiq.brokers.redis

from labkit.broker import LabBroker

dramatiq.brokers.redis.RedisBroker = LabBroker  # type: ignore[misc]
