"""The vendor's exceptions in our words: a table, read from the top."""

from __future__ import annotations

from hal.errors import HALError, InputError, Unsupported

# (words of the message, class); which exception types are the vendor's is asked below.
PATTERNS: tuple[tuple[str, type[HALError]], ...] = (
    ("No Op registered for", Unsupported),  # a clean no: the suite counts it as a gap
    ("", InputError),  # everything else that a checker says is the model's fault
)


def translate(error: Exception) -> HALError | None:
    """The checker's exception in our words, or None where it is somebody else's."""
    if type(error).__module__.partition(".")[0] != "onnx":
        return None
    text = str(error)
    kind = next(kind for words, kind in PATTERNS if words in text)
    return kind(" ".join(text.split()))
