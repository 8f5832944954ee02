"""One file a screen, named as its route, with its state beside it."""
