"""Unit tests of the console's pages."""
