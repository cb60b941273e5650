"""Attestors that other packages bring."""
