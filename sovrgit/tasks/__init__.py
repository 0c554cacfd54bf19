"""Tasks: pods that are chained. What runs in which order and from which payload, and the record of it all."""
