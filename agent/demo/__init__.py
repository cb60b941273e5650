"""``accredit demo``: two plain apps, two real Envoys, one agent, on one machine."""
