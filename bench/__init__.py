"""labkit beside stock Dramatiq, Sidekiq, Celery, RQ, Huey and arq: ``python -m bench``.

One throwaway Redis, flushed before each measurement; within a round the systems take turns at each
row, so that a machine that drifts drifts for all of them. Figures are medians over the rounds.

``rows`` says what is measured and ``measures`` how; ``systems`` holds a file for each queue, with
its client's half (run by ``driver`` in a process of its own) and its worker, which is its stock
program; ``rounds`` takes the turns, ``report`` and ``picture`` show what came of them.
"""
