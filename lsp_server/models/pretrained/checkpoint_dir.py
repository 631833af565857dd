"""Reads a checkpoint folder's description: everything that loading needs besides the weights."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from lsp_server.models.hub import licence_of
from lsp_server.models.interfaces import Growth, ModelError, Suffix
from lsp_server.models.pretrained.families import FAMILIES, Backbone, Family
from lsp_server.models.pretrained.shards import index_shards

_FIELDS: Final = (  # of transformers' configuration classes; all else is not for a backbone
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "hidden_act",
    "max_position_embeddings",
    "rms_norm_eps",
    "rope_theta",
    "rope_scaling",
    "rope_parameters",
    "attention_bias",
    "mlp_bias",
)
_NEEDED: Final = (*_FIELDS[:5], "max_position_embeddings")
_INFILL: Final = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
_HEAD, _EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"
_PROCESS: Final = 600_000_000  # bytes: Python with torch and transformers
_BYTES: Final = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "int8": 1.0, "int4": 0.6}


@dataclass(frozen=True, slots=True)
class DeclaredOptions:
    """What the user declares about a model, because its folder does not say it."""

    infill: bool = False  # trained for fill-in-the-middle prompts
    block: int | None = None  # tokens per block


@dataclass(frozen=True, slots=True)
class CheckpointDir:
    """A checkpoint folder, interpreted by the rules of its family."""

    folder: Path
    family: Family
    backbone: Backbone
    config: Mapping[str, Any]  # keyword arguments of the backbone's own configuration class
    shards: tuple[Path, ...]  # safetensors files
    block: int | None  # tokens per block; None: bidirectional
    stride: int | None  # masks settled together inside a block
    mask: int
    growth: Growth | None
    ends: frozenset[int]
    start: int | None  # the token that every sequence begins with
    context: int  # positions
    parameters: int
    licence: str
    suffix: Suffix
    finish: int | None = None  # the token that every sequence ends with
    infill: tuple[int, int, int] | None = None  # the tokens before prefix, suffix and middle
    added: Mapping[str, int] = field(default_factory=dict)  # the tokenizer's added tokens
    sizes: Mapping[str, int] = field(default_factory=dict)  # numbers, by transformers' name

    def memory(self, precision: str) -> int:
        """The peak of memory while loading in a precision, in bytes, on the target device.

        That is all weights, plus a copy of the largest tensor for its conversion.
        """
        each = _BYTES[precision]
        kept = self.parameters * each
        if precision in ("int8", "int4"):  # the embedding has 16 bits, a tied head gets its own
            embedding = self.sizes.get(_EMBEDDING, 0)
            kept += embedding * (2 - each + (0 if _HEAD in self.sizes else each))
        converting = 4 * max(self.sizes.values(), default=0)
        return round(_PROCESS + kept + converting)


def read_checkpoint_dir(folder: Path, declared: DeclaredOptions | None = None) -> CheckpointDir:
    """Read a model folder's description; fast, as weights are not read.

    Raises ModelError if it cannot be used, saying what was recognised and what is missing.
    """
    if not folder.is_dir():
        raise ModelError(f"there is no model folder {folder}")
    try:
        return _understand(folder, declared or DeclaredOptions())
    except (OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ModelError(f"{folder} cannot be understood as a model ({reason})") from error


def _understand(folder: Path, declared: DeclaredOptions) -> CheckpointDir:
    raw = _read_json(folder / "config.json")
    if raw is None:
        raise ModelError(f"{folder} is not a model folder: it has no config.json")
    tokens = _Tokens(folder)
    family, backbone = _recognise(folder, raw, tokens, declared)
    shards = _shards(folder)
    tensors = index_shards(shards, family.rename)
    sizes = {name: math.prod(tensor.shape) for name, tensor in tensors.items()}
    config = _configure(folder, raw, family, sizes)
    block = None
    if family.attention == "block-causal":
        block = declared.block or raw.get(family.block_key) or family.block
        if not isinstance(block, int) or block < 1:
            raise ModelError(f"{folder}: config.json's {family.block_key} is {block!r}")
    elif declared.block:
        raise ModelError(f"{folder} is of family {family.name}, which has no blocks")
    mask = cast(int, _mask(raw, family, tokens))
    if not 0 <= mask < config["vocab_size"]:
        raise ModelError(
            f"{folder}: the mask token is {mask}, but the vocabulary has {config['vocab_size']}"
        )
    end = _role(raw, tokens, "eos_token")
    suffix, infill = _suffix(folder, family, tokens, declared)
    return CheckpointDir(
        folder=folder,
        family=family,
        backbone=backbone,
        config=config,
        shards=shards,
        block=block,
        stride=None if block is None else min(family.stride or block, block),
        mask=mask,
        growth=_growth(folder, family, tokens, end),
        ends=frozenset({*tokens.ids.values(), *_listed(raw.get("eos_token_id"))}),
        start=_role(raw, tokens, "bos_token") if family.starts else None,
        finish=end if family.finishes else None,
        context=config["max_position_embeddings"],
        parameters=sum(sizes.values()),
        licence=_licence(folder),
        suffix=suffix,
        infill=infill,
        added=tokens.ids,
        sizes=sizes,
    )


class _Tokens:
    """The added tokens of a folder's tokenizer, and which of them have a role."""

    def __init__(self, folder: Path) -> None:
        files = ("tokenizer.json", "vocab.json", "merges.txt")
        there = [name for name in files if (folder / name).is_file()]
        if "tokenizer.json" not in there and len(there) < 2:
            raise ModelError(
                f"{folder} has no tokenizer: tokenizer.json, or vocab.json and merges.txt, is "
                "missing"
            )
        self._roles = _read_json(folder / "tokenizer_config.json") or {}
        self._roles |= _read_json(folder / "special_tokens_map.json") or {}
        self.ids: dict[str, int] = _read_json(folder / "added_tokens.json") or {}
        for token, entry in self._roles.get("added_tokens_decoder", {}).items():
            self.ids[entry["content"]] = int(token)
        if not self.ids and "tokenizer.json" in there:
            file = _read_json(folder / "tokenizer.json") or {}
            self.ids = {entry["content"]: entry["id"] for entry in file.get("added_tokens", ())}

    def find(self, role: str) -> int | None:
        """The id of the token with a role: ``mask_token``, ``bos_token``, ``eos_token``."""
        named = self._roles.get(role)
        content = named.get("content") if isinstance(named, dict) else named
        return None if content is None else self.ids.get(content)


def _recognise(
    folder: Path, raw: Mapping[str, Any], tokens: _Tokens, declared: DeclaredOptions
) -> tuple[Family, Backbone]:
    """The first family that fits, and the backbone whose layers it uses."""
    named = [*(raw.get("architectures") or ()), raw.get("model_type")]
    named = [name for name in named if isinstance(name, str)]
    missing = "a class of a known family: " + ", ".join(family.name for family in FAMILIES)
    for family in FAMILIES:
        known = [name for name in named if name in family.classes]
        if not known:
            continue
        if family.expand and family.expand not in tokens.ids:
            continue
        if family.declared and not (declared.block or raw.get(family.block_key)):
            continue
        if _mask(raw, family, tokens) is None:
            missing = "a mask token, so that it is no masked diffusion model"
            continue
        return family, family.classes[known[0]]
    seen = ", ".join(dict.fromkeys(named)) or "no architecture"
    raise ModelError(f"{folder} cannot be used: recognised {seen}; missing is {missing}")


def _mask(raw: Mapping[str, Any], family: Family, tokens: _Tokens) -> int | None:
    """The mask's id: from config.json, else from the tokenizer, else from the family."""
    found = [raw.get("mask_token_id"), *(tokens.ids.get(name) for name in family.masks)]
    found += [tokens.find("mask_token"), family.mask]
    return next((token for token in found if isinstance(token, int)), None)


def _role(raw: Mapping[str, Any], tokens: _Tokens, role: str) -> int | None:
    """The id of ``bos_token`` or ``eos_token``: the tokenizer's, else config.json's first."""
    token = tokens.find(role)
    return next(iter(_listed(raw.get(f"{role}_id"))), None) if token is None else token


def _growth(folder: Path, family: Family, tokens: _Tokens, end: int | None) -> Growth | None:
    if not family.expand:
        return None
    if end is None:
        raise ModelError(f"{folder}: the tokenizer has no end-of-text token, which deletes masks")
    return Growth(tokens.ids[family.expand], end)


def _suffix(
    folder: Path, family: Family, tokens: _Tokens, declared: DeclaredOptions
) -> tuple[Suffix, tuple[int, int, int] | None]:
    """How the model knows the text after a hole, and the fill-in-the-middle tokens if any."""
    if family.attention == "bidirectional":
        if declared.infill:
            raise ModelError(f"{folder} sees the suffix itself; add it without --fim")
        return "seen", None
    if not declared.infill:
        return "unseen", None
    prefix, suffix, middle = (tokens.ids.get(name) for name in _INFILL)
    if prefix is None or suffix is None or middle is None:
        raise ModelError(
            f"{folder}: --fim needs a tokenizer with {', '.join(_INFILL)}; add it without"
        )
    return "prompt", (prefix, suffix, middle)


def _configure(
    folder: Path, raw: Mapping[str, Any], family: Family, sizes: Mapping[str, int]
) -> dict[str, Any]:
    """The arguments of the backbone's configuration class."""
    if "quantization_config" in raw:
        raise ModelError(f"{folder} holds quantised weights; take those in bf16, fp16 or fp32")
    given = {name: value for name, value in raw.items() if value is not None}
    given |= {theirs: given[ours] for ours, theirs in family.fields.items() if ours in given}
    config: dict[str, Any] = {name: given[name] for name in _FIELDS if name in given}
    for name in _NEEDED:
        if not isinstance(config.get(name), int) or config[name] < 1:
            raise ModelError(f"{folder}: config.json does not give {name}")
    # A head among the tensors is used, even if config.json says that it is tied.
    config["tie_word_embeddings"] = _HEAD not in sizes and given.get("tie_word_embeddings", True)
    return config


def _shards(folder: Path) -> tuple[Path, ...]:
    """The folder's tensor files, all of which exist."""
    index = _read_json(folder / "model.safetensors.index.json")
    if index is not None:
        names = sorted(set(index.get("weight_map", {}).values()))
    else:
        names = ["model.safetensors"]
    missing = [name for name in names if not (folder / name).is_file()]
    if names and not missing:
        return tuple(folder / name for name in names)
    pickled = sorted(path.name for kind in ("*.bin", "*.pt") for path in folder.glob(kind))
    if index is None and pickled:
        raise ModelError(
            f"{folder} holds pickled weights only ({pickled[0]}), which are never opened; "
            "take the model's safetensors files"
        )
    lack = f"{missing[0]}{f' and {len(missing) - 1} more' if missing[1:] else ''}"
    raise ModelError(f"{folder} is incomplete: {lack} is missing; fetch the model again")


def _licence(folder: Path) -> str:
    """As the model's card or its LICENSE file says."""
    from huggingface_hub import metadata_load

    card = folder / "README.md"
    if card.is_file():
        try:
            named = licence_of(metadata_load(card))
        except Exception:  # a card that is not valid YAML names no licence
            named = None
        if named:
            return named
    for name in ("LICENSE", "LICENSE.txt", "LICENSE.md"):
        file = folder / name
        if file.is_file():
            lines = file.read_text("utf-8", "replace").split("\n")
            return next((line.strip("# ") for line in map(str.strip, lines) if line), "unknown")
    return "unknown"


def _listed(token: Any) -> list[int]:
    """config.json may give no id, one or several."""
    given = token if isinstance(token, list) else [token]
    return [each for each in given if isinstance(each, int)]


def _read_json(file: Path) -> dict[str, Any] | None:
    """An object, or None where there is no such file."""
    try:
        content = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelError(f"{file} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{file} holds no JSON object")
    return content
