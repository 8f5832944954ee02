"""How long executions ran, as SQL on `execution e`: without the queue, the same in every list and chart."""

RAN = "(e.ended - coalesce(e.started, e.ended))"
"""Of those that ended, in ms; null for the others. The index `execution_ran` has the same."""
SPENT = "(coalesce(e.ended, :now) - coalesce(e.started, e.ended, :now))"
"""Up to the present (`:now`) of those that have not ended, in ms."""
