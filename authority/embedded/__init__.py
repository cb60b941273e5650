"""The authority inside this process: keys and state in a folder, roots that rotate."""
