"""Flows, executions, states, transitions, validation: data and pure functions, no I/O."""
