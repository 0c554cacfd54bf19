"""Running pods: executors, captured logs, and the record of what went in and what came out."""
