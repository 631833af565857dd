"""The one typed settings object: what a user may choose, with defaults, units and validation.

Knows names and bounds. Does not know where settings come from (command line, editor) or what
they do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import cattrs

Precision = Literal["auto", "fp32", "bf16", "int8", "int4"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Sampler = Literal["verify", "threshold", "factor", "entropy", "top_k", "remask"]
Strategy = Literal["auto", "fixed", "prior", "search", "both", "grow"]
Source = Literal["syntax", "file", "denoiser"]
SOURCES: tuple[Source, ...] = ("syntax", "file", "denoiser")


class SettingsError(ValueError):
    """A setting has a wrong type or lies outside its bounds; the message names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, by its name in ``unmask.*`` (camelCase in editors)."""

    model: str = ""  # a registered name or a model folder; "": the one in use, else embedded
    precision: Precision = "auto"  # auto: measured once per machine and remembered
    device: Device = "auto"
    threads: int = 0  # 0: what torch finds best, one per physical core
    automatic: bool = True  # complete while typing, not only when asked
    languages: Mapping[str, bool] = field(default_factory=lambda: {"*": True})  # by languageId
    secret_globs: tuple[str, ...] = ()  # added to the built-in list, never replacing it
    span_bounding: bool = True  # the syntax tree bounds the masked region
    max_tokens: int = 64  # masks for a span of one line
    max_block_tokens: int = 160  # masks for a span of several lines
    prefix_tokens: int = 512  # tokens of context before the hole
    suffix_tokens: int = 128  # tokens of context after it
    sampler: Sampler = "verify"
    drafts: tuple[Source, ...] = SOURCES  # where drafts come from
    draft_confidence: float = 0.12  # drafts end where the product of confidences falls below
    threshold: float = 0.9  # samplers "threshold", "remask": commit every token above
    factor: float = 1.0  # sampler "factor": commit n tokens while (n + 1)(1 - confidence) is below
    entropy_bound: float = 0.1  # sampler "entropy": joint entropy committed per step, nats
    top_k: int = 1  # sampler "top_k": tokens committed per step
    length: Strategy = "auto"  # how a two-sided model gets its number of masks
    fixed_tokens: int = 16  # masks for length "fixed", and where nothing is known of a hole
    refresh_every: int = 1  # forwards from computing the context to doing it anew; 0: per canvas
    min_confidence: float = 0.2  # give up when the first tokens are less probable together
    timeout_ms: int = 3000  # what an automatic completion has by then is offered

    def __post_init__(self) -> None:
        for name, low, high in (
            ("threads", 0, 512),
            ("max_tokens", 1, 1024),
            ("max_block_tokens", 1, 1024),
            ("prefix_tokens", 32, 16384),
            ("suffix_tokens", 0, 8192),
            ("draft_confidence", 0.0, 1.0),
            ("threshold", 0.0, 1.0),
            ("factor", 0.0, 100.0),
            ("entropy_bound", 0.0, 100.0),
            ("top_k", 1, 1024),
            ("fixed_tokens", 1, 1024),
            ("refresh_every", 0, 1024),
            ("min_confidence", 0.0, 1.0),
            ("timeout_ms", 1, 600_000),
        ):
            if not low <= getattr(self, name) <= high:
                raise SettingsError(f"{name} must lie between {low} and {high}")

    def enabled(self, language: str) -> bool:
        """Whether completion is on for a languageId; its own entry wins over ``*``."""
        return self.languages.get(language, self.languages.get("*", True))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Settings:
        """Build settings from camelCase or snake_case keys; unknown keys are ignored.

        Raises SettingsError when a known key has a value of the wrong kind.
        """
        known = {f.name for f in fields(cls)}
        given = {_snake(key): value for key, value in values.items() if value is not None}
        try:
            return _converter.structure({k: v for k, v in given.items() if k in known}, cls)
        except SettingsError:
            raise
        except Exception as error:
            reasons = "; ".join(cattrs.transform_error(error))
            raise SettingsError(f"invalid settings: {reasons}") from error


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


_converter = cattrs.Converter()
