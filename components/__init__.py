"""Presentational components: values and handlers in, no requests of their own. One module a family; import from it."""
