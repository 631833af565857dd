"""The two protocols between models and the decoder, and the types they share.

A *denoiser* turns a canvas into a distribution over tokens for each of its masks. A *verifier*
is a model's causal mode, where it has one: exact next-token logits over a cached sequence, which
can be extended and cut back. The decoder knows nothing else of a model; a new family is a new
file beside this one, never a branch in ``diffusion``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:  # torch takes a second to import, and these are only words
    from torch import Tensor

Stop = Callable[[], bool]
"""Asked between any two forwards; True means that nobody wants the answer any more."""


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
    """What a library's exception says, in one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


PartKind = Literal["suffix", "prefix"]
"""What a part of a prompt is: the text behind the hole, or the text before it."""


@dataclass(frozen=True, slots=True)
class PartTokens:
    """The token ids of one part of a prompt."""

    kind: PartKind
    ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """A tokenised prompt: what a model is shown around a hole. Each model has its own layout.

    ``parts`` are in the order that a causal model reads them; the prefix, which the hole's tokens
    continue, is the last. ``document`` is an opaque key of the document that the text is from.
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
        """The tokens behind the hole."""
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
    """How the masks of one canvas depend on one another, where a model has learnt that."""

    def __call__(self, row: int, token: int, entries: Tensor) -> Tensor:
        """What is added to the logits of some ``entries`` where ``token`` stands before the mask.

        ``row`` counts masks; ``entries`` and what is added: (entries,).
        """


@dataclass(frozen=True, slots=True)
class Marginals:
    """One distribution per masked position of a canvas, left to right.

    ``logits`` has shape (masks, entries), fp32. ``vocabulary`` maps an entry to its token id, or
    is None where entries are token ids themselves. ``coupling`` adjusts the
    logits of a mask to the token before it.
    """

    logits: Tensor
    vocabulary: Tensor | None = None
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
        """Whether a canvas is the whole hole, joined to a suffix that the model sees behind it.

        Else canvases follow one another, left to right, until the text has come to its end.
        """

    @property
    def growth(self) -> Growth | None:
        """The tokens that change the canvas's length, where the model was trained to use them."""

    def width(self, known: int) -> int:
        """The most masks that one canvas may hold behind ``known`` tokens; at least one."""

    def denoise(
        self, prompt: PromptTokens, canvas: Sequence[int], refresh: bool = True
    ) -> Marginals:
        """One forward: distributions for the masks of a canvas that fills the prompt's hole.

        ``canvas`` holds token ids and MASK; its ids are known before denoising. ``refresh``:
        whether prefix and suffix are computed anew. Without it a model may go on with
        what it computed of them in an earlier forward, when the canvas had other tokens in it; it
        does so only where both are the same and the canvas has the same length.
        """


@dataclass(frozen=True, slots=True)
class Prefill:
    """What bringing the cache up to a prompt gave and cost."""

    logits: Tensor  # (vocabulary,) for the token after the prompt
    forwards: int
    cached_tokens: int  # prompt tokens that were in the cache already


class Verifier(Protocol):
    """The causal mode of a model, over a sequence in its cache: that of the last prefill."""

    def prefill(self, prompt: PromptTokens, stop: Stop) -> Prefill:
        """Bring the cache to a prompt, in the model's own layout.

        Reuses the longest common part of what is cached, runs in slices, asks ``stop`` between
        them and raises Cancelled; slices done so far stay cached.
        """

    def extend(self, tokens: Sequence[int]) -> Tensor:
        """Append tokens; logits (tokens, vocabulary): row i predicts what follows tokens[i]."""

    def truncate(self, count: int) -> None:
        """Drop the last ``count`` tokens of the sequence."""

    def forget(self, document: str | None = None) -> None:
        """Drop everything that is cached of a document, or of all of them."""


class Tokenizer(Protocol):
    """Text to ids and back; a special token written in a document stays plain text."""

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
"""How a model knows what follows a hole: behind the canvas, by the prompt, or not at all."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a person wants to know about a loaded model."""

    name: str
    family: str
    licence: str
    parameters: int
    device: str
    precision: str
    suffix: Suffix
    load_ms: float


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
        """Drop what is cached of a document, or of all."""
