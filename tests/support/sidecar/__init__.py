"""Sidecars from sidecar files, plain apps behind them, and callers good and bad."""
