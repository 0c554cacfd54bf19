"""Comparing the outputs of two runs: byte by byte, or by the rules of the recipe. All of it is bounded in memory."""
