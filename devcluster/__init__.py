"""A real Kubernetes control plane with KServe on one machine, without containers.

etcd, the API server, the controller manager, the scheduler, KServe and Prometheus are built
from their Go modules; only the node is a stand-in (`devcluster.node`).
"""
