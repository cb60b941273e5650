"""Measures the hot paths beside their floor. Nothing here is part of the agent or of its tests."""
