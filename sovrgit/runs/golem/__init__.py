"""Runs on the Golem network, or on the devnet that stands in for it. All calls to the daemon go through `gateway`."""
