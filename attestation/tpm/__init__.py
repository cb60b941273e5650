"""TPM 2.0: keys and secrets that cannot leave the machine, and proof of that to others."""
