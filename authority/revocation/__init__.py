"""What was revoked, and the certificate revocation lists that tell it."""
