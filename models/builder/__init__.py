"""What an app builder makes of an answer: fragments, drafts, file snapshots, agent runs."""
