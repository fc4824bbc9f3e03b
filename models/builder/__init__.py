"""What an app builder keeps: fragments, drafts and snapshots of files."""
