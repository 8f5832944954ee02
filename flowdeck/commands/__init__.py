"""The closed list of writes: plain functions `handle(tx, args) -> result`, without permission checks."""
