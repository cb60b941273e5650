"""The process: configuration, wiring, listener, command line. Nothing imports it."""
