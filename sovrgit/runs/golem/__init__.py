"""Runs on the Golem network, or on the devnet in its place, by scripts or as declared jobs.

What talks to the daemon goes through `gateway`.
"""
