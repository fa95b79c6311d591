"""Names that a wrong one may have meant."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Returns what ends an error message on an unknown name: the known names most like it, or nothing."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(str(name).lower(), by_lower, n=2)
    return f'; did you mean {" or ".join(repr(by_lower[candidate]) for candidate in near)}?' if near else ''
