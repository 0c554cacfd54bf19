"""One page with a graph that can be looked at in any browser, without a network."""
