"""The JSON of ``unmask complete`` and ``unmask infill``: every key, always."""

from __future__ import annotations

KEYS = {
    "text": None,
    "range": {"start": {"line": None, "character": None}, "end": {"line": None, "character": None}},
    "span": None,
    "reason": None,
    "confidence": None,
    "forwards": {"prefill": None, "verify": None, "canvas": None},
    "tokens": None,
    "accepted": {"syntax": None, "file": None, "denoiser": None},
    "cached_tokens": None,
    "suffix": None,
    "ms": dict.fromkeys(("total", "prefill", "verify", "canvas", "gate", "span", "polish")),
}


def shape(value: object) -> object:
    """The keys of a JSON value, without the values."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return None
