"""Alembic revisions of the home's tables, numbered in order; the newest is ``database.HEAD``."""
