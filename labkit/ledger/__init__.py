"""The ledger: what Redis knows about every job, written in the same step as the job's own keys.

Read ``records`` for the nouns, ``keys`` for the layout, ``reader`` for the questions. The writes
are the ``.lua`` files beside them, called by ``labkit.broker``.
"""
