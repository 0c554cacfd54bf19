"""The pod on this machine: recipe, working tree, index, refs and history. Knows of no remote and runs nothing."""
