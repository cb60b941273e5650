"""What the kubelet of this node says of the pod a caller runs in: selectors ``k8s:...``."""
