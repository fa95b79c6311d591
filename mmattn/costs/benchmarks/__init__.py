"""Time and memory beside peers, in one process run."""
