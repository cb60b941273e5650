"""Delivery 2: Envoy's Secret Discovery Service v3. Knows nothing of grpc."""
