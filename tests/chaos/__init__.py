"""Chaos: producers, workers and Redis die at random, replies are lost, and nothing may be.

``make chaos`` is the long form; ``test_chaos.py`` a short one.
"""
