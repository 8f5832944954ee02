"""Composition roots: the only places that build adapters and join API and console."""
