"""What an Envoy needs to find the agent: typed bootstraps."""
