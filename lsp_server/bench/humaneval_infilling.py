"""HumanEval-Infilling (arXiv 2207.14255): programs with a hole, and a test for each.

A line of such a file has a program in three parts (``prompt``, ``canonical_solution``, ``suffix``)
and a test of the whole program.
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from lsp_server.diffusion.prompt import Prompt
from lsp_server.diffusion.types import Hole
from lsp_server.settings import Settings
from lsp_server.source_files import SourceError


@dataclass(frozen=True, slots=True)
class Problem:
    """One hole in a program, with the reference solution and a test."""

    task_id: str
    entry_point: str
    prompt: str
    suffix: str
    canonical_solution: str
    test: str

    @property
    def program(self) -> str:
        """The id of the program: several holes are cut into the same program."""
        return self.prompt + self.canonical_solution + self.suffix

    def complete(self, text: str) -> str:
        """The program with ``text`` in the hole, and its test; it passes with exit status 0."""
        return f"{self.prompt}{text}{self.suffix}\n{self.test}\ncheck({self.entry_point})\n"

    def matches(self, text: str) -> bool:
        """Whether ``text`` equals the reference solution, ignoring trailing white space."""
        return text.strip("\n").rstrip() == self.canonical_solution.strip("\n").rstrip()


def load(path: Path) -> list[Problem]:
    """The problems of a ``.jsonl.gz`` file; raises SourceError for other files."""
    names = [field.name for field in fields(Problem)]
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines if line.strip()]
        problems = [Problem(**{name: str(row[name]) for name in names}) for row in rows]
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, EOFError, KeyError, TypeError, zlib.error) as error:
        raise SourceError(
            f"{path} is not a .jsonl.gz file of HumanEval-Infilling's format: {error!r}"
        ) from error
    if not problems:
        raise SourceError(f"{path} holds no problems")
    return problems


def draw(problems: Sequence[Problem], limit: int, seed: int) -> list[Problem]:
    """``limit`` problems drawn at random, or all of them in order if there are no more."""
    if limit >= len(problems):
        return list(problems)
    return random.Random(seed).sample(list(problems), limit)


def holes_are_lines(problems: Sequence[Problem]) -> bool:
    """Whether every hole of a file is one whole line: a property of the file, not of a hole."""
    return all(
        problem.canonical_solution.endswith("\n")
        and problem.canonical_solution.strip("\n").count("\n") == 0
        and problem.prompt.endswith("\n")
        for problem in problems
    )


def end_of_line(written: str) -> int | None:
    """Where a hole of one line ends: at the first line break after a visible character."""
    visible = len(written) - len(written.lstrip())
    end = written.find("\n", visible)
    return None if end < 0 or visible == len(written) else end


def hole_of(problem: Problem, lines: bool, settings: Settings) -> Hole:
    """The hole for the decoder; unless it is one line, it ends where the model ends it."""
    if lines:
        most = settings.max_tokens
        return Hole(
            Prompt.around(problem.prompt, problem.suffix), most, ends_line=True, end=end_of_line
        )
    return Hole(Prompt.around(problem.prompt, problem.suffix), settings.max_block_tokens)


def filling(text: str, lines: bool) -> str:
    """The text to put into the program: with its line break if the hole is one line."""
    return text + "\n" if lines else text
