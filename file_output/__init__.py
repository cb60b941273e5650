"""Delivery 3: files, for programs that read files."""
