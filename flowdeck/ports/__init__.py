"""Protocols of store, storage, clock, queue and secrets; no code."""
