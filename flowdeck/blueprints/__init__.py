"""Flows to start from, one a file: a head of title, tags and description, then the source."""
