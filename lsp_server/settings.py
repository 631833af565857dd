"""The settings: defaults, units, bounds, and how they are read from JSON.

``Settings.read`` is for editors: an invalid setting does not affect the others. The settings that
protect privacy, ``secret_globs`` and ``languages``, are read entry by entry: if one entry is
invalid, the valid ones are added to the last value instead of replacing it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

Precision = Literal["auto", "fp32", "bf16", "int8", "int4"]
Device = Literal["auto", "cpu", "cuda", "mps"]
RuntimeChoice = Literal["auto", "openvino", "torch"]
Decoding = Literal["speculative", "masked"]
Sampler = Literal["threshold", "factor", "entropy", "top_k", "remask"]
Strategy = Literal["auto", "fixed", "prior", "search", "both", "grow"]
Source = Literal["syntax", "file", "denoiser"]
SOURCES: tuple[Source, ...] = ("syntax", "file", "denoiser")


class SettingsError(ValueError):
    """A setting has a wrong type or lies outside its bounds; the message names it."""


def _number(default: float, low: float, high: float) -> Any:
    """A field for a number with bounds, both inclusive."""
    return field(default=default, metadata={"bounds": (low, high)})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, by its name in ``unmask.*`` (camelCase in editors)."""

    model: str = ""  # a registered name or a model folder; "": the one in use, else embedded
    precision: Precision = "auto"  # auto: measured once per machine and remembered
    device: Device = "auto"
    runtime: RuntimeChoice = "auto"  # of the embedded model: openvino on CPUs, else torch
    # 0 or "auto": one per physical core; where there are more than two, one is left to others.
    threads: int = _number(0, 0, 512)
    automatic: bool = True  # complete while typing, not only when asked
    languages: Mapping[str, bool] = field(default_factory=lambda: {"*": True})  # by languageId
    secret_globs: tuple[str, ...] = ()  # added to the built-in list, never replacing it
    span_bounding: bool = True  # the syntax tree bounds the masked region
    max_tokens: int = _number(64, 1, 1024)  # masks for a span of one line
    max_block_tokens: int = _number(160, 1, 1024)  # masks for a span of several lines
    prefix_tokens: int = _number(512, 32, 16384)  # tokens of context before the hole
    suffix_tokens: int = _number(128, 0, 8192)  # tokens of context after it
    decoding: Decoding = "speculative"  # of a model that can verify; others decode masked
    sampler: Sampler = "threshold"  # of masked decoding: which masks are committed
    drafts: tuple[Source, ...] = SOURCES  # where drafts come from
    # Samplers "threshold" and "remask": commit every token whose probability is above this.
    threshold: float = _number(0.9, 0.0, 1.0)
    # Sampler "factor": commit n tokens while (n + 1)(1 - confidence) is below this.
    factor: float = _number(1.0, 0.0, 100.0)
    # Sampler "entropy": joint entropy committed per step, in nats.
    entropy_bound: float = _number(0.1, 0.0, 100.0)
    top_k: int = _number(1, 1, 1024)  # sampler "top_k": tokens committed per step
    length: Strategy = "auto"  # how a two-sided model gets its number of masks
    # Masks for length "fixed", and for holes without a length prior.
    fixed_tokens: int = _number(16, 1, 1024)
    # Prefix and suffix are computed again after this many forwards; 0: once per canvas.
    refresh_every: int = _number(1, 0, 1024)
    # An automatic completion is dropped if the joint probability of its first tokens is below this.
    min_confidence: float = _number(0.2, 0.0, 1.0)
    # An automatic completion stops after this time, in ms, and offers what it has by then.
    timeout_ms: int = _number(3000, 1, 600_000)

    def __post_init__(self) -> None:
        for each in fields(self):
            if "bounds" in each.metadata:
                low, high = each.metadata["bounds"]
                if not low <= getattr(self, each.name) <= high:
                    raise SettingsError(_problem(each.name))

    def enabled(self, language: str) -> bool:
        """Whether completion is on for a languageId; its own entry wins over ``*``."""
        return self.languages.get(language, self.languages.get("*", True))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Settings:
        """Settings from camelCase or snake_case keys; unknown keys are ignored.

        Raises SettingsError, which names every invalid setting.
        """
        settings, problems = cls.read(values)
        if problems:
            raise SettingsError("; ".join(problems))
        return settings

    @classmethod
    def read(
        cls, values: object, defaults: Settings | None = None, last: Settings | None = None
    ) -> tuple[Settings, list[str]]:
        """Settings from an editor's JSON, and one message for each that is invalid.

        A setting that is missing or null takes its value from ``defaults``, an invalid one from
        ``last`` (``defaults`` if there is none). Unknown keys are ignored.
        """
        defaults = defaults or cls()
        last = last or defaults
        if not isinstance(values, Mapping):
            return last, ["settings must be an object"]
        known = {each.name: getattr(defaults, each.name) for each in fields(cls)}
        problems: list[str] = []
        globs: tuple[str, ...] = ()
        for key, value in values.items():
            name = _snake(key) if isinstance(key, str) else ""
            if name in known and value is not None:
                known[name], readable = _read(name, value, getattr(last, name))
                if name == "secret_globs":  # perhaps given in both spellings
                    globs += known[name]
                    known[name] = tuple(dict.fromkeys(globs))
                if not readable:
                    problems.append(_problem(name))
        return cls(**known), problems


def _read(name: str, value: object, last: Any) -> tuple[Any, bool]:
    """The value of a setting, and whether it is valid; an invalid one gives ``last``."""
    kind = _KINDS[name]
    if name == "secret_globs":
        return _read_globs(value, last)
    if name == "languages":
        return _read_languages(value, last)
    if name == "threads" and value == "auto":
        return 0, True
    if kind in (int, float):
        return _read_number(name, value, last)
    if get_origin(kind) is tuple:
        choices = get_args(get_args(kind)[0])
        readable = isinstance(value, list | tuple) and all(each in choices for each in value)
        return (tuple(value), True) if readable else (last, False)  # type: ignore[arg-type]
    choices = get_args(kind)
    readable = value in choices if choices else isinstance(value, kind)
    return (value, True) if readable else (last, False)


def _read_number(name: str, value: object, last: float) -> tuple[float, bool]:
    """A number within its bounds; a whole one may be written ``3.0``."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return last, False
    whole = isinstance(value, int) or value.is_integer()
    low, high = _BOUNDS[name]
    if not low <= value <= high or (_KINDS[name] is int and not whole):
        return last, False
    return _KINDS[name](value), True


def _read_globs(value: object, last: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """Globs; from an invalid value, ``last`` and every text that may be meant as a glob."""
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return tuple(value), True
    return tuple(dict.fromkeys([*last, *_find_globs(value)])), False


def _find_globs(value: object) -> list[str]:
    """Every text in a value, and its parts between commas; of an object, the keys not false."""
    if isinstance(value, str):
        parts = [value, *re.split(r"[,;\n]", value)]
        return [part.strip() for part in parts if part.strip()]
    if isinstance(value, Mapping):
        value = [key for key, on in value.items() if on is not False]
    if isinstance(value, list | tuple):
        return [glob for each in value for glob in _find_globs(each)]
    return []


def _read_languages(value: object, last: Mapping[str, bool]) -> tuple[Mapping[str, bool], bool]:
    """Language ids, each on or off."""
    if not isinstance(value, Mapping):
        return last, False
    readable = {
        key: on for key, on in value.items() if isinstance(key, str) and isinstance(on, bool)
    }
    if len(readable) == len(value):
        return readable, True
    return {**last, **readable}, False


def _problem(name: str) -> str:
    """The message for an invalid setting: its name in editors and what it must be."""
    return f"{_camel(name)} must be {_wanted(name)}"


def _wanted(name: str) -> str:
    kind = _KINDS[name]
    if name == "secret_globs":
        return 'a list of glob patterns, like ["private/**", "*.secret"]'
    if name == "languages":
        return 'an object of language ids, each true or false, like {"*": true, "markdown": false}'
    if kind in (int, float):
        low, high = _BOUNDS[name]
        number = "a whole number" if kind is int else "a number"
        auto = ' or "auto"' if name == "threads" else ""
        return f"{number} from {low:g} to {high:g}{auto}"
    if get_origin(kind) is tuple:
        return f"a list of some of {_quoted(get_args(get_args(kind)[0]))}"
    if get_args(kind):
        return f"one of {_quoted(get_args(kind))}"
    return "true or false" if kind is bool else "a text"


def _quoted(choices: tuple[str, ...]) -> str:
    return ", ".join(f'"{choice}"' for choice in choices)


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


_KINDS: dict[str, Any] = get_type_hints(Settings)
_BOUNDS = {e.name: e.metadata["bounds"] for e in fields(Settings) if "bounds" in e.metadata}
