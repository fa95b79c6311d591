"""The one error of this package."""


class SegyError(ValueError):
    """A SEG-Y file cannot be used as asked; the message says what was found and which option could help."""
