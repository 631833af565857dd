"""The two protocols between models and the decoder, and the types they share.

A *denoiser* turns a canvas into a distribution over tokens for each of its masks. A *verifier*
is a model's causal mode, if it has one: exact next-token logits over a cached sequence, which can
be extended and truncated. The decoder uses nothing else of a model: a new family never needs a
branch in ``diffusion``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

if TYPE_CHECKING:  # numpy takes a tenth of a second to import, and only annotations need it
    from lsp_server.models.arrays import Array, Floats

Values = TypeVar("Values")
"""Arrays of numpy, or tensors of torch where the model runs on torch."""

Stop = Callable[[], bool]
"""Called between any two forwards; returns True to cancel the request."""


def never() -> bool:
    """Never stop."""
    return False


MASK = -1
"""A masked position of a canvas; each model puts its own mask embedding there."""


class Cancelled(Exception):
    """The request was withdrawn between two forwards; caches stay consistent.

    ``forwards``: how many the interrupted call ran before that.
    """

    def __init__(self, forwards: int = 0) -> None:
        super().__init__()
        self.forwards = forwards


class ModelError(Exception):
    """A model cannot be found, read or run; the message says what to do about it."""


def first_line(error: Exception) -> str:
    """The first line of a library's exception."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


PartKind = Literal["suffix", "prefix"]
"""The kind of a part of a prompt: the text after the hole, or the text before it."""


@dataclass(frozen=True, slots=True)
class PartTokens:
    """The token ids of one part of a prompt."""

    kind: PartKind
    ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """A tokenised prompt, the text around a hole. Each model lays it out in its own way.

    ``parts`` are in the order in which a causal model reads them; the prefix, which the hole's
    tokens continue, is the last. ``document`` is an opaque key of the document of the text.
    """

    parts: tuple[PartTokens, ...]
    document: str = ""

    @classmethod
    def around(
        cls, prefix: Sequence[int], suffix: Sequence[int], document: str = ""
    ) -> PromptTokens:
        """The prompt of a hole between two sequences."""
        return cls((PartTokens("suffix", suffix), PartTokens("prefix", prefix)), document)

    @property
    def prefix(self) -> list[int]:
        """The tokens before the hole."""
        return self._ids("prefix")

    @property
    def suffix(self) -> list[int]:
        """The tokens after the hole."""
        return self._ids("suffix")

    @property
    def ids(self) -> list[int]:
        """The tokens of all parts, in order."""
        return [token for part in self.parts for token in part.ids]

    def continued(self, tokens: Sequence[int]) -> PromptTokens:
        """The same prompt with ``tokens`` at the end of its prefix."""
        *before, last = self.parts
        whole = PartTokens(last.kind, [*last.ids, *tokens])
        return PromptTokens((*before, whole), self.document)

    def _ids(self, kind: PartKind) -> list[int]:
        return [token for part in self.parts if part.kind == kind for token in part.ids]


class Coupling(Protocol):
    """A learnt dependence of each mask's distribution on the token before the mask."""

    def __call__(self, row: int, token: int, entries: Array) -> Floats:
        """What to add to the logits of ``entries`` if ``token`` stands before the mask.

        ``row`` is the index of the mask; ``entries`` and the result have shape (entries,).
        """


@dataclass(frozen=True, slots=True)
class Marginals(Generic[Values]):
    """One distribution per masked position of a canvas, left to right.

    ``logits`` has shape (masks, entries), fp32. ``vocabulary`` maps an entry to its token id, or
    is None if entries are token ids themselves. ``coupling`` adjusts a mask's logits to the
    token before it.
    """

    logits: Values
    vocabulary: Values | None = None
    coupling: Coupling | None = None


@dataclass(frozen=True, slots=True)
class Growth:
    """Two tokens by which a model changes the length of its own canvas (arXiv 2602.01326)."""

    expand: int  # one mask becomes two
    delete: int  # one mask vanishes


class Denoiser(Protocol):
    """A masked diffusion model, or the denoiser head of a causal one."""

    @property
    def two_sided(self) -> bool:
        """Whether one canvas is the whole hole, followed by the suffix, which the model sees.

        Otherwise canvases follow one another from left to right until the text is complete.
        """

    @property
    def growth(self) -> Growth | None:
        """The tokens that change the canvas's length, if the model was trained to use them."""

    def width(self, known: int) -> int:
        """The most masks of a canvas that follows ``known`` tokens; at least one."""

    def denoise(
        self, prompt: PromptTokens, canvas: Sequence[int], refresh: bool = True
    ) -> Marginals[Any]:
        """One forward: distributions for the masks of a canvas that fills the prompt's hole.

        ``canvas`` holds the ids of known tokens, and MASK. ``refresh``: whether prefix and suffix
        are computed again. Without it, a model may use their keys and values of an earlier
        forward, computed with other tokens in the canvas, provided that prefix, suffix and the
        canvas's length are the same.
        """


@dataclass(frozen=True, slots=True)
class Prefill:
    """The result of a prefill, and its cost."""

    logits: Floats  # (vocabulary,), fp32, for the token after the prompt
    forwards: int
    cached_tokens: int  # prompt tokens that were in the cache already


class Verifier(Protocol):
    """The causal mode of a model, over the cached sequence of the last prefill."""

    def prefill(self, prompt: PromptTokens, stop: Stop) -> Prefill:
        """Run a prompt, in the model's layout, so that the KV cache holds it.

        Reuses the longest cached prefix. Runs in slices; raises Cancelled if ``stop`` returns True
        between two of them. Finished slices stay cached.
        """

    def count_missing(self, prompt: PromptTokens) -> int:
        """How many tokens a prefill of a prompt would run."""

    def extend(self, tokens: Sequence[int]) -> Floats:
        """Append tokens; logits (tokens, vocabulary): row i predicts what follows tokens[i]."""

    def truncate(self, count: int) -> None:
        """Drop the last ``count`` tokens of the sequence."""

    def forget(self, document: str | None = None) -> None:
        """Drop everything cached for a document, or for all documents."""


class Tokenizer(Protocol):
    """Text to ids and back; a special token's name in a document is encoded as plain text."""

    @property
    def ends(self) -> frozenset[int]:
        """Ids that end an answer (end of text and the other special tokens)."""

    def encode(self, text: str) -> list[int]:
        """Ids of plain text."""

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids; incomplete UTF-8 at the end becomes U+FFFD."""

    def pieces(self) -> Sequence[bytes]:
        """The bytes of every ordinary id, by id; empty for special tokens."""


Suffix = Literal["seen", "prompt", "unseen"]
"""How a model knows the text after a hole: seen after the canvas, in its prompt, or not at all."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Facts about a loaded model, for the user."""

    name: str
    family: str
    licence: str
    parameters: int
    device: str
    precision: str
    suffix: Suffix
    load_ms: float
    runtime: str = "torch"  # what computes its forwards


class Model(Protocol):
    """A loaded model."""

    @property
    def info(self) -> ModelInfo:
        """Name, size, device, precision."""

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""

    @property
    def denoiser(self) -> Denoiser:
        """The masked diffusion mode."""

    @property
    def verifier(self) -> Verifier | None:
        """The causal mode, or None for a model that has none."""

    def forget(self, document: str | None = None) -> None:
        """Drop what is cached for a document, or for all documents."""
