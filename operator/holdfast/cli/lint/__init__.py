"""Checks manifests offline, with the rules that the API server takes from the CRD."""
