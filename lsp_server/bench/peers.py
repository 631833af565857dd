"""The benchmark ``peers``: Unmask, one token at a time, and llama.cpp, on the same holes.

All run in one call, one after the other at every hole, in another order each time, with the same
number of threads and the same prompt's token ids. *Cold*: the KV cache is empty. *Warm*: it holds
the prompt but for its last tokens, as after a few keys.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from lsp_server.bench.holes import RealFile, draw_cuts
from lsp_server.bench.humaneval_infilling import Problem, end_of_line, filling, hole_of
from lsp_server.bench.llama_cpp import LlamaCpp
from lsp_server.bench.report import Progress
from lsp_server.bench.variants import ONE_AT_A_TIME, rotated
from lsp_server.completion.context import choose_window
from lsp_server.diffusion.decoder import Decoder
from lsp_server.diffusion.output import Output
from lsp_server.diffusion.prompt import Prompt
from lsp_server.diffusion.token_healing import tokenize
from lsp_server.diffusion.types import Hole
from lsp_server.models.embedded.model import CausalBase
from lsp_server.models.interfaces import Model, PromptTokens, Tokenizer, never
from lsp_server.settings import Settings

UNMASK: Final = "Unmask"
LLAMA: Final = "llama.cpp"
LLAMA_LOOKUP: Final = "llama.cpp, its lookup"

TYPED: Final = 8
"""The last tokens of a prompt, which are not in the cache when it is warm."""

PREFILL_TOKENS: Final = 512
MOST_PREFILLS: Final = 20
_SUFFIX: Final = 128  # tokens of a measured prefill
_ROUND: Final = 256  # tokens
_MARKS: Final = len(CausalBase.lay_out(PromptTokens.around([], [])))  # of the layout


@dataclass(frozen=True, slots=True)
class Case:
    """A hole, with the text that stood there, and its problem where there is a test."""

    name: str
    hole: Hole
    prompt: PromptTokens
    truth: str
    problem: Problem | None = None
    lines: bool = True  # whether the hole is one whole line

    def filling(self, text: str) -> str:
        """The text to put into the program, with its line break if the hole is one line."""
        return filling(text, self.lines)

    def matches(self, text: str) -> bool:
        """Whether a text is what stood there, but for white space at its end."""
        return text.strip("\n").rstrip() == self.truth.strip("\n").rstrip()


@dataclass(frozen=True, slots=True)
class Answer:
    """One completion: its tokens, its text, and its time before and after its first token."""

    ids: tuple[int, ...]
    text: str
    prefill_ms: float
    decode_ms: float
    verified: int = 0  # verifying forwards, where there are any

    @property
    def ms(self) -> float:
        """Of the whole completion."""
        return self.prefill_ms + self.decode_ms

    @property
    def ms_per_token(self) -> float | None:
        """After the first token; None if there is no other."""
        return self.decode_ms / (len(self.ids) - 1) if len(self.ids) > 1 else None


class Engine(Protocol):
    """Something that completes prompts, with a KV cache of its own."""

    @property
    def name(self) -> str:
        """For the tables."""

    def empty_cache(self) -> None:
        """Forget everything."""

    def fill_cache(self, prompt: PromptTokens) -> None:
        """Bring the cache to a prompt."""

    def first_token_ms(self, prompt: PromptTokens) -> float:
        """Milliseconds until the first token after a prompt is known."""

    def complete(self, case: Case) -> Answer:
        """Fill a hole; what the cache holds of its prompt is not computed again."""


class OwnEngine:
    """A decoder of ours."""

    def __init__(self, name: str, decoder: Decoder) -> None:
        self.name, self._decoder = name, decoder
        verifier = decoder.model.verifier
        assert verifier is not None
        self._verifier = verifier

    def empty_cache(self) -> None:
        """Forget everything."""
        self._decoder.model.forget()

    def fill_cache(self, prompt: PromptTokens) -> None:
        """Bring the cache to a prompt."""
        self._verifier.prefill(prompt, never)

    def first_token_ms(self, prompt: PromptTokens) -> float:
        """Milliseconds until the first token after a prompt is known."""
        started = time.perf_counter()
        int(self._verifier.prefill(prompt, never).logits.argmax())
        return (time.perf_counter() - started) * 1000

    def complete(self, case: Case) -> Answer:
        """Fill a hole."""
        infill = self._decoder.infill(case.hole)
        ms = infill.cost.ms
        verified = infill.cost.forwards.verify
        return Answer(infill.ids, infill.text, ms.prefill, ms.total - ms.prefill, verified)


class PeerEngine:
    """llama.cpp; text and end are ours, so that only the tokens are its own."""

    def __init__(self, name: str, process: LlamaCpp, tokenizer: Tokenizer, lookup: bool) -> None:
        self.name, self._process, self._lookup = name, process, lookup
        self._tokenizer = tokenizer

    def empty_cache(self) -> None:
        """Forget everything."""
        self._process.clear(self._lookup)

    def fill_cache(self, prompt: PromptTokens) -> None:
        """Bring the cache to a prompt."""
        self._process.prefill(CausalBase.lay_out(prompt), self._lookup)

    def first_token_ms(self, prompt: PromptTokens) -> float:
        """Milliseconds until the first token after a prompt is known."""
        ids = CausalBase.lay_out(prompt)
        return self._process.complete(ids, lambda token: False, self._lookup).ms[0]

    def complete(self, case: Case) -> Answer:
        """Fill a hole."""
        output = Output(case.hole, self._tokenizer, "")

        def take(token: int) -> bool:
            output.append(token)
            return output.finished(1.0) is None

        written = self._process.complete(CausalBase.lay_out(case.prompt), take, self._lookup)
        first, *others = written.ms
        return Answer(tuple(output.ids), output.answer, first, sum(others))


def make_engines(model: Model, settings: Settings, process: LlamaCpp | None) -> list[Engine]:
    """Ours, and llama.cpp's where its process runs."""
    plain = replace(settings, drafts=())
    engines: list[Engine] = [
        OwnEngine(UNMASK, Decoder(model, settings)),
        OwnEngine(ONE_AT_A_TIME, Decoder(model, plain)),
    ]
    if process is not None:
        engines.append(PeerEngine(LLAMA, process, model.tokenizer, lookup=False))
        engines.append(PeerEngine(LLAMA_LOOKUP, process, model.tokenizer, lookup=True))
    return engines


@dataclass(slots=True)
class Score:
    """What one engine did, hole by hole."""

    name: str
    cold: list[Answer] = field(default_factory=list)
    warm: list[Answer] = field(default_factory=list)
    prefills: list[float] = field(default_factory=list)  # ms for PREFILL_TOKENS, paired, too


def cases_of_problems(
    problems: Sequence[Problem], lines: bool, settings: Settings, tokenizer: Tokenizer
) -> list[Case]:
    """The holes of a file of HumanEval-Infilling's format, whose prefix ends with a token.

    Where it ends inside one, only we heal it: the prompts would not be the same.
    """
    cases = []
    for problem in problems:
        hole = hole_of(problem, lines, settings)
        prompt, partial = tokenize(hole, tokenizer)
        if not partial:
            truth = problem.canonical_solution
            cases.append(Case(problem.task_id, hole, prompt, truth, problem, lines))
    return cases


def cases_of_files(
    opened: Sequence[RealFile], count: int, seed: int, settings: Settings, tokenizer: Tokenizer
) -> list[Case]:
    """Whole lines taken out of real files."""
    cases: dict[str, Case] = {}
    for cut in draw_cuts(opened, count, seed, shapes=("line",)):
        text = cut.file.text
        start = text.rfind("\n", 0, cut.start) + 1
        window = choose_window(text[:start], text[cut.end :], settings)
        around = Prompt.around(window.prefix, window.suffix)
        hole = Hole(around, settings.max_tokens, window.ends_line, end_of_line)
        prompt, partial = tokenize(hole, tokenizer)
        if not partial:
            name = f"{cut.file.path.name}:{text.count(chr(10), 0, start) + 1}"
            cases[name] = Case(name, hole, prompt, text[start : cut.end])
    return list(cases.values())


def context_size(cases: Sequence[Case]) -> int:
    """The tokens of the longest prompt with its text, rounded up."""
    longest = max((len(case.prompt.ids) + case.hole.max_tokens for case in cases), default=0)
    tokens = max(longest, PREFILL_TOKENS) + _MARKS
    return (tokens // _ROUND + 1) * _ROUND


def prefill_prompts(
    opened: Sequence[RealFile], count: int, tokenizer: Tokenizer
) -> list[PromptTokens]:
    """``count`` prompts of exactly PREFILL_TOKENS tokens of real files, all different."""
    ids = [token for file in opened for token in tokenizer.encode(file.text)]
    step = max(1, (len(ids) - PREFILL_TOKENS) // max(1, count))
    prompts = []
    for number in range(count):
        part = (ids[number * step :] + ids)[: PREFILL_TOKENS - _MARKS]
        prompts.append(PromptTokens.around(part[_SUFFIX:], part[:_SUFFIX]))
    return prompts


def measure(
    engines: Sequence[Engine],
    cases: Sequence[Case],
    prompts: Sequence[PromptTokens],
    progress: Progress,
) -> list[Score]:
    """Fill every hole with every engine, cold and then warm, and prefill every prompt."""
    scores = {engine.name: Score(engine.name) for engine in engines}
    for engine in engines:  # the first forwards of a process are slower
        engine.complete(cases[0])
    for number, case in enumerate(cases):
        progress(f"hole {number + 1} of {len(cases)}")
        for engine in rotated(engines, number):
            engine.empty_cache()
            scores[engine.name].cold.append(engine.complete(case))
            engine.fill_cache(_shortened(case.prompt))
            scores[engine.name].warm.append(engine.complete(case))
    for number, prompt in enumerate(prompts):
        progress(f"prefill {number + 1} of {len(prompts)}")
        for engine in rotated(engines, number):
            engine.empty_cache()
            scores[engine.name].prefills.append(engine.first_token_ms(prompt))
    return list(scores.values())


def _shortened(prompt: PromptTokens) -> PromptTokens:
    """A prompt without its last tokens, those that were typed since."""
    return PromptTokens.around(prompt.prefix[:-TYPED], prompt.suffix, prompt.document)
