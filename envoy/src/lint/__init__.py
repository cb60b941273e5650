"""The traps that Envoy sets silently, found in any bootstrap. Pure: text in, findings out."""
