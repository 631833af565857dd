"""The denoisers of masked diffusion models over a backbone, and the loading of such a model.

A ``TwoSidedDenoiser`` sees the text on both sides of its canvas; a ``BlockDenoiser`` works from
left to right, block by block.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from math import ceil

import torch
from torch import Tensor

from lsp_server.models.interfaces import (
    MASK,
    Growth,
    Marginals,
    ModelError,
    ModelInfo,
    PromptTokens,
    Tokenizer,
)
from lsp_server.models.precision import Arithmetic
from lsp_server.models.pretrained.backbone import Backbone, load_backbone
from lsp_server.models.pretrained.checkpoint_dir import CheckpointDir
from lsp_server.models.sequences import CachedSequences
from lsp_server.models.storage import Progress
from lsp_server.models.tokenizers import FolderTokenizer

_SLICE = 256  # rows of a prefill in one forward, about


class MaskedDenoiser:
    """Common to all families: a backbone, a mask token, and entries that are never proposed."""

    def __init__(self, backbone: Backbone, checkpoint: CheckpointDir, entries: int) -> None:
        """``entries``: the number of the tokenizer's ids; a head may have more rows than that."""
        self._backbone, self._checkpoint = backbone, checkpoint
        self._shift = int(checkpoint.family.shift)
        never = [checkpoint.mask, *range(entries, backbone.vocabulary)]
        self._never = torch.tensor(never, device=backbone.device)

    @property
    def growth(self) -> Growth | None:
        """The tokens that change the canvas's length."""
        return self._checkpoint.growth

    def _ids(self, tokens: Sequence[int]) -> list[int]:
        return [self._checkpoint.mask if token == MASK else token for token in tokens]

    def _marginals(self, states: Tensor) -> Marginals[Tensor]:
        logits = self._backbone.head(states)
        return Marginals(logits.index_fill_(1, self._never, float("-inf")))


class TwoSidedDenoiser(MaskedDenoiser):
    """A bidirectional model over ``start prefix | canvas | suffix finish``; every row sees all.

    Between refreshes only the canvas is run, against the cached keys and values of everything
    around it (the dual cache of Fast-dLLM, arXiv 2505.22618); its own are overwritten in place.
    The cached ones were computed with the canvas of the last refresh, so the result only
    approximates a full forward, except at a refresh.
    """

    two_sided = True

    def __init__(self, backbone: Backbone, checkpoint: CheckpointDir, entries: int) -> None:
        super().__init__(backbone, checkpoint, entries)
        self._cache = backbone.new_cache()
        self._document = ""  # of the prompt that is cached
        self._around: tuple[list[int], int, list[int]] | None = None  # at the last refresh

    def forget(self, document: str | None = None) -> None:
        """Drop what is cached of a document, or of all."""
        if document in (None, self._document):
            self._cache, self._around = self._backbone.new_cache(), None

    def width(self, known: int) -> int:
        """The most masks that fit into the context after ``known`` tokens.

        At least half of the context: ``denoise`` cuts the far end of a long prefix.
        """
        ends = (self._checkpoint.start, self._checkpoint.finish)
        room = self._checkpoint.context - sum(end is not None for end in ends)
        return max(1, room - known, room // 2)

    @torch.inference_mode()
    def denoise(
        self, prompt: PromptTokens, canvas: Sequence[int], refresh: bool = True
    ) -> Marginals[Tensor]:
        """Distributions for the masks; without ``refresh`` uses cached rows if they fit.

        With shifted logits a mask's distribution comes from the row before it; for the canvas's
        first token that is the prefix's last row, which is run with the canvas. Text that does
        not fit the context is cut at its far ends. Raises ModelError for a canvas that alone is
        longer than the context.
        """
        self._document = prompt.document
        prefix, suffix = self._frame(prompt, canvas)
        tokens = self._ids(canvas)
        around = prefix, len(tokens), suffix
        whole = [*prefix, *tokens, *suffix]
        first, end = 0, len(whole)
        if not refresh and around == self._around:
            first, end = max(len(prefix) - self._shift, 0), len(prefix) + len(tokens)
        self._around = None  # until the forward is through
        seen = torch.ones(end - first, len(whole), dtype=torch.bool, device=self._backbone.device)
        states = self._backbone.run(whole[first:end], first, self._cache, seen)
        self._around = around
        at = [len(prefix) + i for i, token in enumerate(canvas) if token == MASK]
        return self._marginals(states[[max(i - self._shift, 0) - first for i in at]])

    def _frame(self, prompt: PromptTokens, canvas: Sequence[int]) -> tuple[list[int], list[int]]:
        """The tokens before and after the canvas, cut at their far ends to fit the context."""
        start = [] if self._checkpoint.start is None else [self._checkpoint.start]
        finish = [] if self._checkpoint.finish is None else [self._checkpoint.finish]
        room = self._checkpoint.context - len(canvas) - len(start) - len(finish)
        if room < 0:
            raise ModelError(_too_long(canvas, self._checkpoint))
        prefix, suffix = prompt.prefix, prompt.suffix
        before = min(len(prefix), max(room - len(suffix), (room + 1) // 2))
        prefix = prefix[len(prefix) - before :]
        return [*start, *prefix], [*suffix[: room - before], *finish]


class BlockDenoiser(MaskedDenoiser):
    """A block-causal model: a row sees its own block and all blocks before it.

    Blocks are counted from the beginning of the sequence. Blocks of known tokens are run once and
    cached, which is exact; the block with the first mask is run as a whole in every forward, with
    masks up to its end as in training. With shifted logits the first token of a block comes from
    the last row of the block before it, as in a causal model, and is a canvas of its own
    (Fast-dLLM v2, arXiv 2509.26328). The suffix is given only to models trained for
    fill-in-the-middle: ``start [fim_prefix][fim_suffix] suffix [fim_middle] prefix | canvas``, so
    that the cached sequence grows only at its end.
    """

    two_sided = False

    def __init__(self, backbone: Backbone, checkpoint: CheckpointDir, entries: int) -> None:
        super().__init__(backbone, checkpoint, entries)
        self._block = checkpoint.block or 1
        self._stride = checkpoint.stride or self._block
        self._sequences = CachedSequences(backbone.new_cache)  # of whole blocks
        self._ahead = int(checkpoint.start is not None)  # tokens that stand before the prefix

    def forget(self, document: str | None = None) -> None:
        """Drop what is cached of a document, or of all."""
        self._sequences.forget(document)

    def width(self, known: int) -> int:
        """The number of masks to the end of the stride that follows ``known`` tokens.

        A suffix in the prompt shifts the blocks. Before the first ``denoise`` its length is not
        known here, so the canvas may extend beyond the end of its block.
        """
        place = self._ahead + known
        if self._shift and place and place % self._block == 0:
            return 1
        return self._stride - place % self._stride

    @torch.inference_mode()
    def denoise(
        self, prompt: PromptTokens, canvas: Sequence[int], refresh: bool = True
    ) -> Marginals[Tensor]:
        """Distributions for the masks; the cache is exact, so ``refresh`` has no effect.

        A prefix that does not fit the context is cut at its far end, a quarter of the context at
        a time. Raises ModelError for a canvas that is too long for the context.
        """
        before = self._frame(prompt, canvas)
        masks = [len(before) + i for i, token in enumerate(canvas) if token == MASK]
        sources = [max(place - self._shift, 0) for place in masks]
        end = self._begin(sources[-1]) + self._block
        row = [*before, *self._ids(canvas)][:end]
        row += [self._checkpoint.mask] * (end - len(row))
        known = row[: self._begin(masks[0])]
        first = self._begin(sources[0])  # where the states begin that are wanted
        done = min(self._begin(self._sequences.activate(known, prompt.document)), first)
        while done < first and end - done > _SLICE:
            part = row[done : min(done + max(_SLICE // self._block, 1) * self._block, first)]
            self._run(part, done)
            done += len(part)
        states = self._run(row[done:], done)
        self._sequences.active.tokens[:] = known
        self._sequences.shrink()
        return self._marginals(states[[place - done for place in sources]])

    def _run(self, row: Sequence[int], first: int) -> Tensor:
        """Run whole blocks at ``first``, overwriting cached rows from there on."""
        sequence = self._sequences.active
        sequence.cut(first)
        places = torch.arange(first + len(row), device=self._backbone.device) // self._block
        return self._backbone.run(row, first, sequence.cache, places[first:, None] >= places)

    def _begin(self, place: int) -> int:
        """The start of the block that contains a position."""
        return place // self._block * self._block

    def _frame(self, prompt: PromptTokens, canvas: Sequence[int]) -> list[int]:
        """Everything before the canvas, cut to fit the context."""
        checkpoint = self._checkpoint
        ahead = [] if checkpoint.start is None else [checkpoint.start]
        if checkpoint.suffix == "prompt" and checkpoint.infill is not None:
            fim_prefix, fim_suffix, fim_middle = checkpoint.infill
            suffix = prompt.suffix[: checkpoint.context // 2]
            ahead += [fim_prefix, fim_suffix, *suffix, fim_middle]
        self._ahead = len(ahead)
        room = checkpoint.context - len(ahead) - len(canvas) - self._block
        if room < 0:
            raise ModelError(_too_long(canvas, checkpoint))
        step = max(self._begin(checkpoint.context // 4), self._block)  # whole blocks
        prefix = prompt.prefix
        cut = max(0, ceil((len(prefix) - room) / step)) * step
        return [*ahead, *prefix[cut:]]


class MaskedModel:
    """A loaded checkpoint of one of the families; it has no causal mode."""

    verifier = None

    def __init__(
        self,
        denoiser: TwoSidedDenoiser | BlockDenoiser,
        tokenizer: Tokenizer,
        info: ModelInfo,
    ) -> None:
        self.denoiser, self.tokenizer, self.info = denoiser, tokenizer, info

    def forget(self, document: str | None = None) -> None:
        """Drop what is cached of a document, or of all."""
        self.denoiser.forget(document)


def load_masked(
    checkpoint: CheckpointDir, precision: Arithmetic, device: torch.device, progress: Progress
) -> MaskedModel:
    """Load a checkpoint; blocking, for seconds to minutes.

    Raises ModelError, in one line, when its files do not fit each other.
    """
    started = time.perf_counter()
    tokenizer = FolderTokenizer(checkpoint)
    entries, rows = len(tokenizer.pieces()), checkpoint.config["vocab_size"]
    if entries > rows:
        raise ModelError(f"{checkpoint.folder}: the tokenizer has {entries} ids, the model {rows}")
    backbone = load_backbone(checkpoint, precision, device, progress)
    kind = TwoSidedDenoiser if checkpoint.block is None else BlockDenoiser
    info = ModelInfo(
        name=checkpoint.folder.name,
        family=checkpoint.family.name,
        licence=checkpoint.licence,
        parameters=checkpoint.parameters,
        device=str(device),
        precision=precision,
        suffix=checkpoint.suffix,
        load_ms=(time.perf_counter() - started) * 1000,
    )
    return MaskedModel(kind(backbone, checkpoint, entries), tokenizer, info)


def _too_long(canvas: Sequence[int], checkpoint: CheckpointDir) -> str:
    return (
        f"a canvas of {len(canvas)} tokens does not fit the model's context of "
        f"{checkpoint.context}; lower maxTokens or maxBlockTokens"
    )
