"""Models on offer and what they cost."""
