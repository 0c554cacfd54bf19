"""Pods that the first Sovr CLI stored on a FairOS server: one `<name>.zip` and mostly a `recipe.json` at the root.

`archive` unpacks what a stranger packed, `look` tells what is in a pod without fetching it, and `adopt` makes a pod of
ours of it. Nothing is written in that CLI's form here; registries, which are, are in `sovrgit.registry`.
"""
