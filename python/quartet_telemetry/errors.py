"""What can be wrong at start."""


class ConfigError(ValueError):
    """A variable whose value means nothing. The message names the variable, the value and what would be right."""

    def __init__(self, name: str, value: str, expected: str) -> None:
        super().__init__(f"{name}: `{value}` is not valid: expected {expected}")
        self.name = name
        self.expected = expected
