"""The Redis that labkit uses: found, or started."""

from __future__ import annotations

from labkit.redis_throwaway import ThrowawayRedis as ThrowawayRedis
