"""Snapshot exports of Convex deployments: reading them, and merging them into the database."""
