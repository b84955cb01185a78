"""The devcluster's node: runs the containers of pods as local processes, and routes to them.

Everything else in the cluster is real Kubernetes; this package stands in for the kubelet, the
container runtime, cluster DNS and kube-proxy, as faithfully as an operator can tell.
"""
