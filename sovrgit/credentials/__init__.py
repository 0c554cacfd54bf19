"""Secrets of this user on this machine: logins of servers now, keys of pods later.

Where a secret is kept (`stores`: the keyring or a file), what a login is (`logins`), and which one counts (`finding`).
Knows no server, and looks at neither environment nor home folder: it is given paths and values.
"""
