"""What the agent is put together from, part by part; ``agent/wiring.py`` joins them. No logic."""
