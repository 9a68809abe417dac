"""Query: what somebody looks for, as typed: ``state:dead queue:mail actor:send "timed out" 7f3a``.

``state:``, ``queue:`` and ``actor:`` hold for the whole name, and of several of one kind any will
do; ``id:`` is a job's id or how it begins. Each other word, or several in quotes, must stand
somewhere in the job's arguments or errors, in capitals or not, or be the beginning of its id. A
word that is the whole id of a job finds that job alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, Self

from labkit.ledger.records import JobRecord, JobState

_PART = re.compile(r'(?:(state|queue|actor|id):)?("[^"]*"?|\S+)')
#: Letters that a record holds as they are shown; behind a backslash stands an escape.
_PLAIN = re.compile(r"(?<![\\a-z0-9])[a-z0-9]+")
#: Shown for what JSON spells otherwise, or for what was left out.
_NOT_STORED = frozenset({"none", "more"})


#: A word of so many letters may be the beginning of an id; a shorter one is the beginning of many.
_SHORTEST_ID = 4


class Seen(NamedTuple):
    """A job as whoever searches may see it."""

    actor: str
    queue: str
    text: str


def see_all(job: JobRecord) -> Seen:
    """Everything that a record holds, for one who may see it all."""
    parts = [repr(value) for value in job.args]
    parts += [f"{name}={value!r}" for name, value in job.kwargs.items()]
    for attempt in job.attempts:
        parts += [attempt.worker, attempt.error or "", attempt.traceback or ""]
    return Seen(job.actor, job.queue, "\n".join([f"{job.actor} {job.queue}", *parts]))


@dataclass(frozen=True)
class Query:
    """The parts of what was typed; without any, every job fits."""

    states: frozenset[JobState] = frozenset()
    queues: frozenset[str] = frozenset()
    actors: frozenset[str] = frozenset()
    ids: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what was typed.

        Raises:
          ValueError: there is no such state.
        """
        found: dict[str, list[str]] = {"state": [], "queue": [], "actor": [], "id": [], "": []}
        for kind, value in _PART.findall(text):
            plain = value.strip('"') if value.startswith('"') else value
            plain = plain.rstrip("…") if kind in ("id", "") else plain
            if plain:
                found[kind].append(plain)
        for state in found["state"]:
            if state.lower() not in set(JobState):
                raise ValueError(f"there is no state {state!r}: say one of {', '.join(JobState)}")
        return cls(
            frozenset(JobState(state.lower()) for state in found["state"]),
            frozenset(found["queue"]),
            frozenset(found["actor"]),
            tuple(one.lower() for one in found["id"]),
            tuple(word.casefold() for word in found[""]),
        )

    def __bool__(self) -> bool:
        return bool(self.states or self.queues or self.actors or self.ids or self.words)

    @property
    def possible_ids(self) -> tuple[str, ...]:
        """What may be the whole id of a job."""
        return tuple(word for word in (*self.ids, *self.words) if len(word) > 7 and " " not in word)

    def needles(self) -> list[str]:
        """Texts that the record of every job that fits holds: to leave the others out early."""
        texts = [*self.ids, *self.words]
        for names in (self.queues, self.actors):
            texts += [name.lower() for name in names if len(names) == 1]
        plain = {run for text in texts for run in _PLAIN.findall(text)} - _NOT_STORED
        return sorted(plain, key=len, reverse=True)[:4]

    def fits(self, job: JobRecord, seen: Seen) -> bool:
        """Whether this is a job that was looked for."""
        job_id = job.id.lower()
        return (
            (not self.states or job.state in self.states)
            and (not self.queues or seen.queue in self.queues)
            and (not self.actors or seen.actor in self.actors)
            and all(job_id.startswith(one) for one in self.ids)
            and self._has_words(job_id, seen.text)
        )

    def _has_words(self, job_id: str, text: str) -> bool:
        if not self.words:
            return True
        text = text.casefold()
        return all(
            word in text or (len(word) >= _SHORTEST_ID and job_id.startswith(word))
            for word in self.words
        )
