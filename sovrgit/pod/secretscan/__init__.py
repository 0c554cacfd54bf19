"""Finding what looks like a secret in what is about to be sent: keys, tokens, logins.

What counts (`rules`, `tokens` by content, `keyfiles` by name), one file (`looking`), and a whole push (`find`). Knows
of no remote, changes nothing, and never returns a secret: only where it is and what it looks like.
"""
