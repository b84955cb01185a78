"""All network I/O of the operator."""
