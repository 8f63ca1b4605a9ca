"""Who runs what, when, and what is kept: the store, the worker process, its children, and the janitor.

`Service` (in `service.py`) is all that a page needs. Nothing that a page imports from here loads torch: what is heavy
or may go wrong runs in child processes.
"""
