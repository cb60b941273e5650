"""Bundles of other trust domains, fetched from their bundle endpoints: SPIFFE Federation."""
