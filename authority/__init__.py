"""Who may have which identity (registration entries), and who signs it."""
