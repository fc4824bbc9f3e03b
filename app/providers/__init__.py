"""Where answers come from: the mock models and any OpenAI-compatible endpoint."""
