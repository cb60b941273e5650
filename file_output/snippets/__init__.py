"""What to write into the configuration of a program, so that it checks SPIFFE IDs."""
