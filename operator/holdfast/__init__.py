"""Holdfast: runs machine-learning models on KServe, with revisions, promotion and rollback."""
