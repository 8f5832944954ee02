"""All filters by name."""

from flowdeck.expr.filters import collection, dating, numbers, structure, text
from flowdeck.expr.signature import Table

FILTERS = Table(text.TABLE | numbers.TABLE | collection.TABLE | dating.TABLE | structure.TABLE)
