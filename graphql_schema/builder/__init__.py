"""Fragments, drafts, snapshots and agent runs."""
