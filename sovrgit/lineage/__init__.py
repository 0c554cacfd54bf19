"""Where results come from and what was made of things: the graph over commits, runs and references."""
