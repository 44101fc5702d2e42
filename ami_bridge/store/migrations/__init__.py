"""The schema's history, run by `ami_bridge.store.schema` when a store is opened.

Each file in `versions` is one revision: it states tables as they were meant then, and imports nothing of ours that can
change later. Its `upgrade` takes alembic's Operations. A released revision is never edited; add the next one.
"""
