"""Which systemd unit a caller belongs to, in the words of the system's own manager."""
