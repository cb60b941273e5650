"""Encodings of identities and bundles; each module knows one family of them."""
