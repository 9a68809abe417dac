"""Soak: steady work for a long time, and the question whether anything grows.

``make soak`` is the long form; ``test_soak.py`` a short one.
"""
