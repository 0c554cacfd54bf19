"""Other people's pods, seen from one: their commits and records are kept beside it, their payload never is."""
