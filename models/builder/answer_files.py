def files_from_answer(text: str) -> dict[str, str]:
    return {}
