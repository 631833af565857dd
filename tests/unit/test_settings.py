"""Settings are read one by one: a wrong one costs no other, and is told by its editor's name."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.completion.exclusions import is_secret
from lsp_server.settings import Settings, SettingsError

GIVEN: dict[str, Any] = {
    "model": "mine",
    "precision": "int8",
    "device": "cpu",
    "runtime": "torch",
    "threads": 3,
    "automatic": False,
    "languages": {"*": True, "markdown": False},
    "secretGlobs": ["private/**", "*.hush"],
    "spanBounding": False,
    "maxTokens": 5,
    "maxBlockTokens": 6,
    "prefixTokens": 64,
    "suffixTokens": 7,
    "decoding": "masked",
    "sampler": "factor",
    "drafts": ["file"],
    "threshold": 0.25,
    "factor": 2.5,
    "entropyBound": 0.75,
    "topK": 8,
    "length": "prior",
    "fixedTokens": 9,
    "refreshEvery": 10,
    "minConfidence": 0.125,
    "timeoutMs": 11,
}
"""Every setting, each with a value that is not its default."""

NUMBERS = [name for name, value in GIVEN.items() if type(value) in (int, float)]
COUNTS = [name for name, value in GIVEN.items() if type(value) is int]
SWITCHES = [name for name, value in GIVEN.items() if isinstance(value, bool)]
TEXTS = [name for name, value in GIVEN.items() if isinstance(value, str)]
CHOICES = [name for name in TEXTS if name != "model"]

LAST = replace(Settings(), max_tokens=99, secret_globs=("old/**",), languages={"c": False})


def snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


def value_of(settings: Settings, name: str) -> Any:
    value = getattr(settings, snake(name))
    return list(value) if isinstance(value, tuple) else value


def wrong(name: str) -> st.SearchStrategy[Any]:
    """Values that a setting cannot have; none that only looks like one is let through."""
    texts = st.sampled_from(["", "true", "false", "1", "0", "64", "0.5", "syntax", "Auto", "none"])
    numbers = st.one_of(
        st.integers(max_value=-1),
        st.integers(min_value=10**6),
        st.just(10**400),
        st.floats(max_value=-0.001),
        st.sampled_from([math.nan, math.inf, -math.inf]),
    )
    lists = st.lists(st.integers() | st.none() | st.booleans(), min_size=1, max_size=3)
    objects = st.dictionaries(st.sampled_from(["*", "python"]), st.integers(), min_size=1)
    anything = {
        "switch": st.booleans(),
        "text": texts,
        "number": numbers,
        "list": lists,
        "object": objects,
    }
    if name in SWITCHES:
        anything["switch"] = st.sampled_from([0, 1, 0.0])
    elif name == "model":
        del anything["text"]
    elif name in COUNTS:
        anything["fraction"] = st.sampled_from([1.5, 3.7, 64.0001])
    elif name == "secretGlobs":
        anything["globs"] = st.just(["new/**", 5])
    elif name == "languages":
        anything["names"] = st.sampled_from([["python"], {"python": "false"}, {"c": 1, "d": True}])
    return st.one_of(*anything.values())


@st.composite
def names_and_wrong_values(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(list(GIVEN)), min_size=1, max_size=5, unique=True))
    return {name: draw(wrong(name)) for name in names}


def test_every_setting_is_tried_here_with_a_value_of_its_own() -> None:
    assert {snake(name) for name in GIVEN} == {each.name for each in fields(Settings)}
    settings, problems = Settings.read(GIVEN)
    assert problems == []
    assert all(value_of(settings, name) == value for name, value in GIVEN.items())
    assert all(value_of(Settings(), name) != value for name, value in GIVEN.items())
    assert Settings.from_json({snake(name): value for name, value in GIVEN.items()}) == settings


@given(names_and_wrong_values())
def test_wrong_values_cost_no_other_setting(bad: dict[str, Any]) -> None:
    settings, problems = Settings.read({**GIVEN, **bad}, Settings(), LAST)
    for name, value in GIVEN.items():
        if name not in bad:
            assert value_of(settings, name) == value
        elif name == "secretGlobs":
            assert set(settings.secret_globs) >= set(LAST.secret_globs)
        elif name == "languages":
            assert "c" in settings.languages
        else:
            assert value_of(settings, name) == value_of(LAST, name)
    assert sorted(line.split()[0] for line in problems) == sorted(bad)
    assert not any("\n" in line for line in problems)
    with pytest.raises(SettingsError) as failure:
        Settings.from_json({**GIVEN, **bad})
    assert all(name in str(failure.value) for name in bad)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(list(GIVEN)), JSON))
def test_whatever_comes_makes_settings_within_their_bounds(values: dict[str, Any]) -> None:
    settings, problems = Settings.read({**GIVEN, **values}, Settings(), LAST)
    replace(settings)  # looks at all the bounds again
    for name, value in values.items():
        told = any(line.startswith(f"{name} must be ") for line in problems)
        if told:
            assert type(value_of(settings, name)) is type(GIVEN[name])
        else:
            meant = value_of(Settings(), name) if value is None else value
            if name == "secretGlobs":  # each is kept once
                meant = list(dict.fromkeys(meant))
            assert value_of(settings, name) == meant


@given(JSON.filter(lambda value: not isinstance(value, Mapping)))
def test_what_is_no_object_changes_nothing(values: object) -> None:
    assert Settings.read(values, Settings(), LAST) == (LAST, ["settings must be an object"])


def test_what_is_wanted_is_said_in_a_line() -> None:
    def told(name: str, value: object) -> str:
        (line,) = Settings.read({name: value})[1]
        return line

    assert told("maxTokens", -1) == "maxTokens must be a whole number from 1 to 1024"
    assert told("timeoutMs", 0) == "timeoutMs must be a whole number from 1 to 600000"
    assert told("threads", "many") == 'threads must be a whole number from 0 to 512 or "auto"'
    assert told("minConfidence", "0.2") == "minConfidence must be a number from 0 to 1"
    assert told("automatic", "false") == "automatic must be true or false"
    assert told("model", 3) == "model must be a text"
    assert told("device", "gpu") == 'device must be one of "auto", "cpu", "cuda", "mps"'
    assert told("drafts", "file") == 'drafts must be a list of some of "syntax", "file", "denoiser"'
    assert told("languages", ["python"]).startswith("languages must be an object of language ids")
    assert told("secretGlobs", "*.x").startswith("secretGlobs must be a list of glob patterns")


def test_threads_may_be_auto_as_the_manual_says() -> None:
    settings, problems = Settings.read({"threads": "auto", "secretGlobs": ["private/**"]})
    assert (settings.threads, settings.secret_globs, problems) == (0, ("private/**",), [])
    assert Settings.read({"threads": "auto"}, Settings(threads=4)) == (Settings(threads=0), [])


def test_whole_numbers_may_be_written_with_a_point() -> None:
    settings = Settings.from_json({"maxTokens": 64.0, "factor": 2})
    assert (settings.max_tokens, settings.factor) == (64, 2.0)
    assert type(settings.max_tokens) is int
    assert type(settings.factor) is float


def test_what_is_not_said_is_as_the_server_was_started() -> None:
    started = Settings(model="given", max_tokens=7, secret_globs=("mine/**",))
    for nothing in ({}, {"model": None, "maxTokens": None, "secretGlobs": None, "other": 1}):
        assert Settings.read(nothing, started, LAST) == (started, [])


# --- secret globs


@pytest.mark.parametrize(
    "value",
    [
        "private/**",
        " private/** ",
        "*.hush,private/**",
        "*.hush; private/**\n",
        ["private/**", 5],
        ["private/**", None],
        ["private/**", ["*.hush"]],
        [["private/**"]],
        {"private/**": True},
        {"globs": ["x"], "private/**": 1},
    ],
)
def test_secret_globs_that_can_be_read_protect_though_others_cannot(value: object) -> None:
    settings, problems = Settings.read({"secretGlobs": value, "threads": -1}, Settings(), LAST)
    assert [line.split()[0] for line in problems] == ["secretGlobs", "threads"]
    for path in ("private/a.py", "old/a.py", ".env"):
        assert is_secret(f"file:///work/{path}", settings.secret_globs)
    assert not is_secret("file:///work/app.py", settings.secret_globs)


@given(JSON)
def test_no_value_of_another_setting_takes_a_secret_glob_away(value: object) -> None:
    for name in GIVEN:
        if name != "secretGlobs":
            settings, _ = Settings.read({"secretGlobs": ["private/**"], name: value})
            assert settings.secret_globs == ("private/**",)


def test_a_language_that_is_off_stays_off_though_another_entry_is_wrong() -> None:
    values = json.loads('{"languages": {"*": true, "markdown": false, "go": "no"}}')
    settings, (line,) = Settings.read(values, Settings(), LAST)
    assert line.startswith("languages ")
    assert not settings.enabled("markdown")
    assert not settings.enabled("c"), "it was off, and may have been meant to be"
    assert settings.enabled("python")


def test_globs_in_both_spellings_all_count() -> None:
    for wrong in (3, None, ["b", 3]):
        settings, _ = Settings.read({"secretGlobs": ["a"], "secret_globs": wrong})
        assert "a" in settings.secret_globs
        settings, _ = Settings.read({"secret_globs": wrong, "secretGlobs": ["a"]})
        assert "a" in settings.secret_globs
