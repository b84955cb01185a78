"""The collector: turns the payload log of KServe's agents into Prometheus counters.

A process of its own, which knows models only by their baselines and has no Kubernetes
credentials. An event goes this way: `intake` (HTTP) → `backlog` (bounded) → `counting`
→ `payload` (values by column) → `counts` (arrays) → `exposition` (Prometheus).
"""
