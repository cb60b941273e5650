"""An app's own connections steered into its sidecar: nftables rules, and the listener for them."""
