"""Processes and loops: executor, scheduler, worker, log writer, supervisor; no rule of their own."""
