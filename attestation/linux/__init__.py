"""What Linux says of a caller beyond Unix's user and groups."""
