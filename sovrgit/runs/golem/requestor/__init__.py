"""A program of its own, for the interpreter that has yapapi: a plan on standard input, events on standard output.

Only `archives`, which needs nothing but the standard library, is also imported by `sovrgit` itself.
"""
