"""All functions by name."""

from flowdeck.expr.functions import calendar, generate, outside, parsing, rendering, workflow
from flowdeck.expr.signature import Table

FUNCTIONS = Table(generate.TABLE | parsing.TABLE | rendering.TABLE | calendar.TABLE | workflow.TABLE | outside.TABLE)
