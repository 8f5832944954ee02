"""The web console: pages, their state, and what one browser tab knows."""
