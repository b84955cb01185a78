"""The story of `make demo`: a model on real KServe, updated and rolled back under load."""
