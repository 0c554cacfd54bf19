"""Running pods on Golem: through the recording gateway, by scripts or as declared jobs."""
