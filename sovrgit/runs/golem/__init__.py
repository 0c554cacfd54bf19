"""Runs on the Golem network, or on the devnet in its place. What talks to the daemon goes through `gateway`."""
