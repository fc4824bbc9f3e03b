"""Importing what a user took along: all that is content comes back, nothing that is a right."""
