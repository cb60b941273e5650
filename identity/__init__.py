"""Values valid by construction: SPIFFE IDs, selectors, SVIDs, trust bundles. Pure: no I/O."""
