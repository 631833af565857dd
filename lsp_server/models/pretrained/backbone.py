"""Backbones: transformers' own layers with a checkpoint's weights, run with explicit masks.

No code of a checkpoint is ever run, and no pickle read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.cache_utils import Cache

from lsp_server.models.interfaces import ModelError
from lsp_server.models.kv_cache import KeyValueCache
from lsp_server.models.precision import Arithmetic
from lsp_server.models.pretrained.checkpoint_dir import CheckpointDir
from lsp_server.models.pretrained.shards import StoredTensor, index_shards
from lsp_server.models.quantization import Int8Linear, quantize
from lsp_server.models.storage import Progress

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_STORED = ("F32", "BF16", "F16")
_EMBEDDING, _HEAD = "model.embed_tokens.weight", "lm_head.weight"


class _CacheAdapter(Cache):
    """A KV cache with the interface of ``transformers``' caches."""

    def __init__(self, cache: KeyValueCache, reach: int) -> None:
        super().__init__(layers=[])
        self._cache, self._reach = cache, reach

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write a layer's new keys and values (1, heads, rows, _); returns all up to ``reach``."""
        new = key_states[0].transpose(0, 1), value_states[0].transpose(0, 1)
        keys, values = self._cache.write(layer_idx, *new, self._reach)
        return keys[None], values[None]


class Backbone:
    """A decoder of ``transformers`` and its head, over one sequence at a time."""

    def __init__(self, model: Any, device: torch.device) -> None:
        """``model``: an instance of one of ``transformers``' causal classes, with its weights."""
        self._decoder, self._head = model.model, model.lm_head
        self._config = model.config
        self.device = device
        self.vocabulary: int = model.config.vocab_size

    def new_cache(self) -> KeyValueCache:
        """An empty cache for one sequence."""
        config = self._config
        return KeyValueCache(
            config.num_hidden_layers,
            config.num_key_value_heads,
            getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads,
            dtype=self._decoder.norm.weight.dtype,
            device=self.device,
        )

    def run(self, tokens: Sequence[int], first: int, cache: KeyValueCache, mask: Tensor) -> Tensor:
        """Run tokens at positions ``first``, ``first`` + 1 and so on; returns their final states.

        ``mask``, (rows, keys) of bool, says which of the positions below ``keys`` each row sees,
        those of the rows included. Positions that are not run keep their cached keys and values.
        Afterwards ``cache`` holds ``keys`` rows. Returns (rows, width), normalised.
        """
        reach = mask.shape[1]
        cache.truncate(first)
        cache.reserve(reach - first)
        rows = torch.tensor([list(tokens)], device=self.device)
        # A mask of four dimensions is used as it is: no causal mask is added.
        output = self._decoder(
            input_ids=rows,
            attention_mask=mask[None, None],
            position_ids=torch.arange(first, first + len(tokens), device=self.device)[None],
            cache=_CacheAdapter(cache, reach),
            use_cache=True,
        )
        cache.advance(reach - first)
        return cast(Tensor, output.last_hidden_state[0])

    def head(self, states: Tensor) -> Tensor:
        """Logits (rows, vocabulary), fp32, of states (rows, width)."""
        return cast(Tensor, self._head(states)).float()


def load_backbone(
    checkpoint: CheckpointDir, precision: Arithmetic, device: torch.device, progress: Progress
) -> Backbone:
    """Build a checkpoint's backbone, module by module to keep the peak of memory low.

    Raises ModelError if the tensors are not those that config.json describes, or if the precision
    needs a package that is not installed.
    """
    weights = _weight_format(precision, device)
    model = _build(checkpoint)
    tied = bool(model.config.tie_word_embeddings)
    wanted = {name: p.shape for name, p in model.named_parameters(remove_duplicate=False)}
    tensors = _index(checkpoint, wanted, tied)
    modules = list(model.named_modules())
    for index, (name, module) in enumerate(modules):
        leaves = [leaf for leaf, _ in module.named_parameters(recurse=False)]
        if not leaves:
            continue
        progress("loading", index / len(modules))
        if name == "lm_head" and tied and weights.shares_tied_head:
            module.weight = model.model.embed_tokens.weight
            continue
        parts = {leaf: tensors[f"{name}.{leaf}"].read() for leaf in leaves}
        kept = weights.convert(name, module, parts)
        parent, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(parent), attribute, kept)
    rotary = model.model.rotary_emb  # its frequencies are computed, not stored
    model.model.rotary_emb = type(rotary)(model.config).to(device)
    return Backbone(model.eval(), device)


def _build(checkpoint: CheckpointDir) -> Any:
    """An instance of the backbone's class, its parameters without memory yet."""
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
    configuration, model = classes[checkpoint.backbone]
    try:
        with torch.device("meta"):
            return model(configuration(**{**checkpoint.config, "attn_implementation": "sdpa"}))
    except Exception as error:  # the library has no common class for what it does not accept
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
        raise ModelError(f"{checkpoint.folder}: config.json cannot be used: {reason}") from error


def _index(
    checkpoint: CheckpointDir, wanted: Mapping[str, torch.Size], tied: bool
) -> dict[str, StoredTensor]:
    """The checkpoint's tensors by ``transformers``' names, which must be exactly ``wanted``.

    Raises ModelError if names, shapes or types are not what the configuration requires.
    """
    found = index_shards(checkpoint.shards, checkpoint.family.rename)
    if tied and _EMBEDDING in found:
        found[_HEAD] = found[_EMBEDDING]
    if missing := sorted(wanted.keys() - found.keys()):
        raise ModelError(f"{checkpoint.folder}: the weights lack {_list(missing)}")
    if surplus := sorted(found.keys() - wanted.keys()):
        raise ModelError(
            f"{checkpoint.folder}: the weights hold {_list(surplus)}, which config.json knows "
            "nothing of"
        )
    for name, size in wanted.items():
        tensor = found[name]
        if tensor.shape != size:
            raise ModelError(
                f"{checkpoint.folder}: {name} has shape {tensor.shape}; "
                f"config.json asks for {tuple(size)}"
            )
        if tensor.dtype not in _STORED:
            raise ModelError(
                f"{checkpoint.folder}: {name} is stored as {tensor.dtype}; "
                "weights in fp32, bf16 or fp16 are needed"
            )
    return found


def _list(names: Sequence[str]) -> str:
    """The first name, and how many more there are."""
    more = f" and {len(names) - 1} more tensors" if len(names) > 1 else ""
    return f"{names[0]}{more}"


class _WeightFormat(Protocol):
    """How a precision keeps a module's weights."""

    @property
    def shares_tied_head(self) -> bool:
        """Whether a head that is tied to the embedding uses the embedding's own matrix."""

    def convert(self, name: str, module: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
        """The module with its weights, or the module to use instead."""


class _DenseFormat:
    """Every weight in one floating point type."""

    shares_tied_head = True

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self._dtype, self._device = dtype, device

    def convert(self, name: str, module: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
        for leaf, tensor in tensors.items():
            # A copy: the file may change while the model runs.
            own = tensor.to(self._device, self._dtype, copy=True)
            setattr(module, leaf, nn.Parameter(own, requires_grad=False))
        return module


class _Int8Format(_DenseFormat):
    """The project's int8 for every matrix, 16 bits for the embedding, fp32 for the rest."""

    shares_tied_head = False

    def __init__(self) -> None:
        super().__init__(torch.float32, torch.device("cpu"))

    def convert(self, name: str, module: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
        if isinstance(module, nn.Linear):
            return _Int8Module(tensors["weight"], tensors.get("bias"))
        if isinstance(module, nn.Embedding):
            return _HalfEmbedding(tensors["weight"])
        return super().convert(name, module, tensors)


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


class _BitsAndBytesFormat(_DenseFormat):
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

    def convert(self, name: str, module: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
        if not isinstance(module, nn.Linear) or name == "lm_head":
            return super().convert(name, module, tensors)
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


def _weight_format(precision: Arithmetic, device: torch.device) -> _WeightFormat:
    if precision == "int8" and device.type == "cpu":
        return _Int8Format()
    if precision in ("int8", "int4"):
        return _BitsAndBytesFormat(8 if precision == "int8" else 4, device)
    return _DenseFormat(_DTYPES[precision], device)
