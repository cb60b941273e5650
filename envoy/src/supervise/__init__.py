"""One sidecar's Envoy kept running: started, restarted without a gap, watched, ended."""
