"""Backbones: transformers' own layers with a checkpoint's weights, at any positions, by any mask.

Knows a checkpoint's tensors, its configuration and how each precision is kept. Knows nothing of
canvases or of how a family denoises. No code is ever taken from a checkpoint, and no pickle read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.cache_utils import Cache

from lsp_server.models.interfaces import ModelError
from lsp_server.models.precision import Arithmetic
from lsp_server.models.pretrained.checkpoint_dir import Layout
from lsp_server.models.pretrained.shards import StoredTensor, index_shards
from lsp_server.models.quantization import Int8Linear, quantize
from lsp_server.models.storage import Progress

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_STORED = ("F32", "BF16", "F16")
_EMBEDDING, _HEAD = "model.embed_tokens.weight", "lm_head.weight"


class Slots(Cache):
    """Keys and values of one sequence, one slot per position, written in place.

    What a forward writes and how far it reads is set before it runs; slots before and behind the
    rows that it runs keep what an earlier forward wrote there.
    """

    def __init__(self) -> None:
        super().__init__(layers=[])
        self._kept: dict[int, Tensor] = {}  # by layer: (2, key heads, slots, head width)
        self._first = self._reach = 0

    def aim(self, first: int, reach: int) -> None:
        """The next rows stand at ``first`` and see the slots below ``reach``."""
        self._first, self._reach = first, reach

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write a layer's new keys and values; all that its rows may see, (1, heads, reach, _)."""
        kept = self._reserve(layer_idx, key_states)
        rows = slice(self._first, self._first + key_states.shape[2])
        kept[0, :, rows], kept[1, :, rows] = key_states[0], value_states[0]
        return kept[:1, :, : self._reach], kept[1:, :, : self._reach]

    def _reserve(self, layer: int, like: Tensor) -> Tensor:
        old = self._kept.get(layer)
        if old is not None and old.shape[2] >= self._reach:
            return old
        slots = self._reach if old is None else max(self._reach, 2 * old.shape[2])
        new = like.new_zeros(2, like.shape[1], slots, like.shape[3])
        if old is not None:
            new[:, :, : old.shape[2]] = old
        self._kept[layer] = new
        return new


class Backbone:
    """A decoder of ``transformers`` and its head, over one sequence at a time."""

    def __init__(self, model: Any, device: torch.device) -> None:
        """``model``: one of ``transformers``' classes for causal models, weights in place."""
        self._decoder, self._head = model.model, model.lm_head
        self.device = device
        self.vocabulary: int = model.config.vocab_size

    def run(self, tokens: Sequence[int], first: int, slots: Slots, mask: Tensor) -> Tensor:
        """Run tokens at positions ``first``, ``first`` + 1 and so on; normalised states.

        ``mask`` has shape (rows, keys), bool: which of the slots 0..keys each row sees; the slots
        of the rows themselves are among them. Returns (rows, width).
        """
        slots.aim(first, mask.shape[1])
        rows = torch.tensor([list(tokens)], device=self.device)
        # A mask of four dimensions is taken as it is: nothing causal is added to it.
        output = self._decoder(
            input_ids=rows,
            attention_mask=mask[None, None],
            position_ids=torch.arange(first, first + len(tokens), device=self.device)[None],
            cache=slots,
            use_cache=True,
        )
        return cast(Tensor, output.last_hidden_state[0])

    def head(self, states: Tensor) -> Tensor:
        """Logits (rows, vocabulary), fp32, of states (rows, width)."""
        return cast(Tensor, self._head(states)).float()


def load_backbone(
    layout: Layout, precision: Arithmetic, device: torch.device, progress: Progress
) -> Backbone:
    """Build a checkpoint's backbone, one module after the other, so that memory peaks low.

    Raises ModelError, in one line, where the tensors are not those that config.json describes,
    or where the precision needs a package that is not installed.
    """
    keeping = _keeping(precision, device)
    model = _build(layout)
    tied = bool(model.config.tie_word_embeddings)
    wanted = {name: p.shape for name, p in model.named_parameters(remove_duplicate=False)}
    tensors = _index(layout, wanted, tied)
    modules = list(model.named_modules())
    for index, (name, module) in enumerate(modules):
        leaves = [leaf for leaf, _ in module.named_parameters(recurse=False)]
        if not leaves:
            continue
        progress("loading", index / len(modules))
        if name == "lm_head" and tied and keeping.shares:
            module.weight = model.model.embed_tokens.weight
            continue
        parts = {leaf: tensors[f"{name}.{leaf}"].read() for leaf in leaves}
        kept = keeping.keep(name, module, parts)
        parent, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(parent), attribute, kept)
    rotary = model.model.rotary_emb  # its frequencies are computed, not stored
    model.model.rotary_emb = type(rotary)(model.config).to(device)
    return Backbone(model.eval(), device)


def _build(layout: Layout) -> Any:
    """The backbone's own class, its parameters without memory yet."""
    from transformers import (
        LlamaConfig,
        LlamaForCausalLM,
        Qwen2Config,
        Qwen2ForCausalLM,
        Qwen3Config,
        Qwen3ForCausalLM,
    )

    classes: Mapping[str, tuple[Any, Any]] = {
        "llama": (LlamaConfig, LlamaForCausalLM),
        "qwen2": (Qwen2Config, Qwen2ForCausalLM),
        "qwen3": (Qwen3Config, Qwen3ForCausalLM),
    }
    configuration, model = classes[layout.backbone]
    try:
        with torch.device("meta"):
            return model(configuration(**{**layout.config, "attn_implementation": "sdpa"}))
    except Exception as error:  # the library has no common class for what it does not accept
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
        raise ModelError(f"{layout.folder}: config.json cannot be used: {reason}") from error


def _index(layout: Layout, wanted: Mapping[str, torch.Size], tied: bool) -> dict[str, StoredTensor]:
    """The checkpoint's tensors by ``transformers``' names: those that are ``wanted``, and no other.

    Raises ModelError where names, shapes or types are not what the configuration asks for.
    """
    found = index_shards(layout.shards, layout.family.rename)
    if tied and _EMBEDDING in found:
        found[_HEAD] = found[_EMBEDDING]
    if missing := sorted(wanted.keys() - found.keys()):
        raise ModelError(f"{layout.folder}: the weights lack {_list(missing)}")
    if surplus := sorted(found.keys() - wanted.keys()):
        raise ModelError(
            f"{layout.folder}: the weights hold {_list(surplus)}, which config.json knows "
            "nothing of"
        )
    for name, size in wanted.items():
        tensor = found[name]
        if tensor.shape != size:
            raise ModelError(
                f"{layout.folder}: {name} has shape {tensor.shape}; "
                f"config.json asks for {tuple(size)}"
            )
        if tensor.dtype not in _STORED:
            raise ModelError(
                f"{layout.folder}: {name} is stored as {tensor.dtype}; "
                "weights in fp32, bf16 or fp16 are needed"
            )
    return found


def _list(names: Sequence[str]) -> str:
    """The first name, and how many more there are."""
    more = f" and {len(names) - 1} more tensors" if len(names) > 1 else ""
    return f"{names[0]}{more}"


class _Keeping(Protocol):
    """How a precision keeps a module's weights."""

    @property
    def shares(self) -> bool:
        """Whether a head that is tied to the embedding uses the embedding's own matrix."""

    def keep(self, name: str, module: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
        """The module with its weights, or the one that takes its place."""


class _Dense:
    """Every weight in one floating point type."""

    shares = True

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self._dtype, self._device = dtype, device

    def keep(self, name: str, module: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
        for leaf, tensor in tensors.items():
            # A copy: the file may change while the model runs.
            own = tensor.to(self._device, self._dtype, copy=True)
            setattr(module, leaf, nn.Parameter(own, requires_grad=False))
        return module


class _Int8(_Dense):
    """The project's int8 for every matrix, 16 bits for the embedding, fp32 for the rest."""

    shares = False

    def __init__(self) -> None:
        super().__init__(torch.float32, torch.device("cpu"))

    def keep(self, name: str, module: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
        if isinstance(module, nn.Linear):
            return _Int8Module(tensors["weight"], tensors.get("bias"))
        if isinstance(module, nn.Embedding):
            return _HalfEmbedding(tensors["weight"])
        return super().keep(name, module, tensors)


class _Int8Module(nn.Module):
    """``Int8Linear`` where ``transformers`` expects a module."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        own = None if bias is None else bias.to(torch.float32, copy=True)
        self._linear = Int8Linear(quantize(weight), own)

    def forward(self, states: Tensor) -> Tensor:
        """Apply to the last dimension."""
        return self._linear(states.flatten(0, -2)).view(*states.shape[:-1], -1)


class _HalfEmbedding(nn.Module):
    """An embedding kept in 16 bits; its rows come out in fp32."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        half = torch.float16 if weight.dtype == torch.float32 else weight.dtype
        self.weight = nn.Parameter(weight.to(half, copy=True), requires_grad=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Rows of tokens."""
        return functional.embedding(tokens, self.weight).float()


class _BitsAndBytes(_Dense):
    """bitsandbytes' int8 or int4 (NF4) for the layers' matrices, bf16 for the rest and the head."""

    def __init__(self, bits: int, device: torch.device) -> None:
        super().__init__(torch.bfloat16, device)
        try:
            import bitsandbytes
        except ImportError as error:
            raise ModelError(
                f"int{bits} on {device.type} needs bitsandbytes; install it with "
                "pip install 'unmask[cuda]'"
            ) from error
        self._library: Any = bitsandbytes.nn
        self._bits = bits

    def keep(self, name: str, module: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
        if not isinstance(module, nn.Linear) or name == "lm_head":
            return super().keep(name, module, tensors)
        bias = tensors.get("bias")
        shape = (module.in_features, module.out_features, bias is not None)
        weight = tensors["weight"].to(self._dtype, copy=True)
        kept: nn.Module
        if self._bits == 8:
            kept = self._library.Linear8bitLt(*shape, has_fp16_weights=False, device="meta")
            kept.weight = self._library.Int8Params(
                weight, requires_grad=False, has_fp16_weights=False
            )
        else:
            kept = self._library.Linear4bit(
                *shape, compute_dtype=self._dtype, quant_type="nf4", device="meta"
            )
            kept.weight = self._library.Params4bit(weight, requires_grad=False, quant_type="nf4")
        if bias is not None:
            own = bias.to(self._dtype, copy=True)
            kept.bias = nn.Parameter(own, requires_grad=False)
        return kept.to(self._device)  # where it is quantised


def _keeping(precision: Arithmetic, device: torch.device) -> _Keeping:
    if precision == "int8" and device.type == "cpu":
        return _Int8()
    if precision in ("int8", "int4"):
        return _BitsAndBytes(8 if precision == "int8" else 4, device)
    return _Dense(_DTYPES[precision], device)
