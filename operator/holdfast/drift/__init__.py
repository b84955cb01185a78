"""Drift: the statistics, and the worker process that asks Prometheus and judges (docs/drift.md).

Needs the extra `drift` (numpy, scipy, prometheus-api-client). The operator never imports it: it
speaks with the worker as `holdfast.drift_protocol` says.
"""
