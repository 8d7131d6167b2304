"""Folders that pipelines wrote, found by the names of their files (BIDS)."""
