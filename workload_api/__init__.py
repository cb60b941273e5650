"""Delivery 1: the SPIFFE Workload API. Knows nothing of grpc."""
