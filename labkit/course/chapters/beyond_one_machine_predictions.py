"""The predictions of chapter 11: who takes what, who follows whom, and what is left."""

from __future__ import annotations

from labkit.course.prediction import Prediction
from labkit.ledger.records import JobState

PREDICTIONS = {
    "share": Prediction(
        "Two workers, each of two threads, listen to the same queue of the same Redis, and forty "
        "parcels are to be packed. Who packs how many?",
        [
            (
                "The first worker all of them: the second is for when it fails",
                lambda packed, jobs: len(packed) == 1,
                "A queue has no first worker. Whoever asks gets something.",
            ),
            (
                "Each packs some of them, and each parcel is packed by one",
                lambda packed, jobs: len(packed) == 2 and sum(packed) == jobs,
            ),
            (
                "Each packs all of them",
                lambda packed, jobs: sum(packed) > jobs,
                "That is what a log such as Kafka does for its readers. From a queue, what one has "
                "taken is gone for the others.",
            ),
        ],
        "Each worker takes when it has room, and what it has taken is gone for the others. Nobody "
        "deals them out, so nobody has to know how many workers there are.",
    ),
    "failover": Prediction(
        "The master has been killed with -9. The worker runs, and knows nothing but the sentinels’ "
        "addresses. A job is sent as soon as the replica is the master. What does the worker do?",
        [
            (
                "It has ended with its Redis, and has to be started again",
                lambda state, lives: not lives,
                "Then each short cut of a cable would end all workers.",
            ),
            (
                "It lives, and waits for the server that it was connected with",
                lambda state, lives: lives and state is not JobState.COMPLETED,
                "It was told the sentinels’ addresses, and none of a server.",
            ),
            (
                "It asks the sentinels, and takes the job from the new master",
                lambda state, lives: lives and state is JobState.COMPLETED,
            ),
        ],
        "Each new connection asks a sentinel who the master is, and then that server whether it "
        "is one.",
    ),
    "lost": Prediction(
        "The line to the replica is broken. Ten jobs are sent, and Redis accepts each of them. Now "
        "the master dies, and the replica takes its place. How many of the ten does it have?",
        [
            (
                "All ten: they were accepted",
                lambda sent, found: found == sent,
                "Redis answers when it has a job itself. The replica hears of it later.",
            ),
            (
                "The first few",
                lambda sent, found: 0 < found < sent,
                "That is how it would be if the master had died without the line broken first: "
                "the end is missing, what came before is there.",
            ),
            ("None", lambda sent, found: found == 0),
        ],
        "Replication is asynchronous: first the answer, then the replica. What it has not heard of "
        "is gone with the master, and nobody is told.",
    ),
    "namespaces": Prediction(
        "Ann and Ben share one Redis, and each has a namespace. Ann calls `clear()`. How many "
        "jobs are left, of hers and of Ben’s?",
        [
            (
                "None of hers, and none of his: it is one Redis",
                lambda hers, his: (hers, his) == (0, 0),
                "That is `FLUSHDB`, from chapter 08.",
            ),
            ("None of hers, and all of his", lambda hers, his: hers == 0 and his > 0),
            (
                "All of both: it is refused, for the Redis is not hers alone",
                lambda hers, his: hers > 0 and his > 0,
                "`clear` only ever touches the keys of one namespace.",
            ),
        ],
        "The namespace is the beginning of each key, and nothing that labkit does goes beyond it.",
    ),
}
