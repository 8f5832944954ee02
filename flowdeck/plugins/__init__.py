"""Built-in task and trigger families; imported by workers only."""
