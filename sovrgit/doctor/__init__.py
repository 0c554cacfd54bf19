"""Looks whether everything is there that `sovr` needs, and says what mends what is not. It changes nothing.

`finding` has what an examination comes to, `local` looks at this machine and the pod, `golem` at the Golem daemon.
"""
