"""Chapter 03's last exercise: a stopwatch for jobs, tried on a clock that the check turns."""

from __future__ import annotations

from threading import Event
from typing import Any

from dramatiq import Broker, Middleware
from dramatiq.broker import MessageProxy
from dramatiq.middleware import Retries

from labkit.course.chapters.configuring_checks import NO_HOOKS, judge_hooks
from labkit.course.exercise import NotAttempted, Wrong
from labkit.course.trial import trial

#: When the check's jobs begin and end, on its clock: one of 20 s, one of 3 s in the middle of it,
#: one of another actor that raises after 5 s. Each is sent two seconds before it begins.
LONG, SHORT, FAILED = (2.0, 22.0), (12.0, 15.0), (32.0, 37.0)
WAITING = 2.0


class _Clock(Middleware):
    """A clock that stands still until it is set; a job's wait for a worker is over as it begins."""

    now = 0.0

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        self.now += WAITING

    def __call__(self) -> float:
        return self.now


def check_stopwatch(stopwatch_class: Any) -> None:
    """What the learner's middleware writes down of three jobs, two of them at the same time."""
    if set(vars(stopwatch_class)) <= NO_HOOKS:
        raise NotAttempted
    clock = _Clock()
    stopwatch = stopwatch_class(clock)
    with trial(clock, stopwatch, Retries(max_retries=0)) as queue:
        gates = {name: Event() for name in ("long", "short", "failed")}

        def brew(name: str) -> None:
            gates[name].wait(10)

        def spill(name: str) -> None:
            gates[name].wait(10)
            raise ValueError("a job that fails")

        def begin(job: Any, name: str, at: float) -> Any:
            clock.now = at - WAITING
            message = job.send(name)
            queue.wait_for(message, "running")
            return message

        def end(message: Any, name: str, at: float, state: str = "completed") -> None:
            clock.now = at
            gates[name].set()
            queue.wait_for(message, state)

        brewing, spilling = queue.job(brew, "brew"), queue.job(spill, "spill")
        with queue.worker(threads=2):
            try:
                long = begin(brewing, "long", LONG[0])
                short = begin(brewing, "short", SHORT[0])
                end(short, "short", SHORT[1])
                end(long, "long", LONG[1])
                failed = begin(spilling, "failed", FAILED[0])
                end(failed, "failed", FAILED[1], "dead")
            finally:
                for gate in gates.values():
                    gate.set()
    seconds = {actor: list(lengths) for actor, lengths in stopwatch.seconds.items()}
    _judge(seconds, queue.complaints)


def _judge(seconds: dict[str, list[Any]], complaints: list[str]) -> None:
    brewed = seconds.get("brew", [])
    if brewed == [3.0, 10.0] or (brewed == [3.0] and any("KeyError" in c for c in complaints)):
        raise Wrong(
            "two jobs ran at once: one of 20 s, and in the middle of it one of 3 s. You have "
            f"{' and '.join(f'{length:g}' for length in brewed)}: the second job’s beginning was "
            "written over the first one’s. A worker has one middleware object for all its threads"
        )
    judge_hooks(complaints, bool(seconds))
    if brewed == [3.0 + WAITING, 20.0 + WAITING]:
        raise Wrong(
            f"the jobs ran for 3 and 20 s, and you have {brewed[0]:g} and {brewed[1]:g}: each had "
            f"waited for a worker for {WAITING:g} s. Which hook is called when it begins?"
        )
    if any(not isinstance(length, int | float) for length in brewed):
        raise Wrong(f"`seconds['brew']` is {brewed}; a number of seconds was asked for, each time")
    if brewed and all(0 < length < 1 for length in brewed):
        raise Wrong(
            f"the jobs took 3 and 20 s on the check’s clock, and you have {brewed[0]:.4f}: read "
            "`self.clock`, so that somebody else can turn it"
        )
    if brewed == [SHORT[1], LONG[1]]:
        raise Wrong("you wrote down when each job ended; its length begins where the job begins")
    if brewed != [3.0, 20.0]:
        raise Wrong(
            f"`brew` ran twice, and ended after 3 s the first time and after 20 s the second; "
            f"`seconds['brew']` is {brewed}"
        )
    if "spill" not in seconds:
        raise Wrong(
            "a job that raised took its time as well, and you have nothing of it: the slow ones "
            "are often those that fail"
        )
    if seconds != {"brew": [3.0, 20.0], "spill": [5.0]}:
        raise Wrong(f"`spill` ran once, for 5 s; in all, `seconds` is {seconds}")


STUB = """\
class Stopwatch(dramatiq.Middleware):
    def __init__(self, clock=perf_counter):
        self.clock = clock
        self.seconds = defaultdict(list)  # by the actor's name
"""

_AFTER = "    def after_process_message(self, broker, message, **outcome):\n"

SOLUTION = f"""\
        self.started = {{}}

    def before_process_message(self, broker, message):
        self.started[message.message_id] = self.clock()

{_AFTER}\
        seconds = self.clock() - self.started.pop(message.message_id)
        self.seconds[message.actor_name].append(seconds)
"""

# Both hooks of a job are called in the thread that runs it.
OTHERWISE = f"""\
        self.mine = threading.local()

    def before_process_message(self, broker, message):
        self.mine.began = self.clock()

{_AFTER}\
        self.seconds[message.actor_name] += [self.clock() - self.mine.began]
"""

ONE_FOR_ALL = f"""
    def before_process_message(self, broker, message):
        self.began = self.clock()

{_AFTER}\
        self.seconds[message.actor_name].append(self.clock() - self.began)
"""

BY_ACTOR = f"""\
        self.started = {{}}

    def before_process_message(self, broker, message):
        self.started[message.actor_name] = self.clock()

{_AFTER}\
        seconds = self.clock() - self.started.pop(message.actor_name)
        self.seconds[message.actor_name].append(seconds)
"""

FROM_SENDING = SOLUTION.replace(
    "before_process_message(self, broker, message)", "before_enqueue(self, broker, message, delay)"
)

ONLY_GOOD = f"""\
        self.started = {{}}

    def before_process_message(self, broker, message):
        self.started[message.message_id] = self.clock()

{_AFTER}\
        if outcome.get('exception') is None:
            seconds = self.clock() - self.started[message.message_id]
            self.seconds[message.actor_name].append(seconds)
"""

OWN_CLOCK = f"""\
        self.started = {{}}

    def before_process_message(self, broker, message):
        self.started[message.message_id] = perf_counter()

{_AFTER}\
        seconds = perf_counter() - self.started[message.message_id]
        self.seconds[message.actor_name].append(seconds)
"""

NO_OUTCOME = """\
        self.started = {}

    def before_process_message(self, broker, message):
        self.started[message.message_id] = self.clock()

    def after_process_message(self, broker, message):
        seconds = self.clock() - self.started[message.message_id]
        self.seconds[message.actor_name].append(seconds)
"""

OTHER_NAMES = SOLUTION.replace("_process_message(", "_process(")
