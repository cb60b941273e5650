"""From an accepted socket to what the kernel vouches for about its caller."""
