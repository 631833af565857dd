"""config.json of every family: the published keys, with small sizes."""

from __future__ import annotations

from typing import Any

from tests.families.vocabularies import Vocabulary

WIDTH, INNER, LAYERS, HEADS, KEY_HEADS, HEAD_WIDTH = 32, 48, 2, 4, 2, 16


def _qwen(vocabulary: Vocabulary, begin: str, end: str) -> dict[str, Any]:
    """The keys that every family made from Qwen2.5 or Qwen3 has."""
    return {
        "attention_dropout": 0.0,
        "bos_token_id": vocabulary.tokens[begin],
        "eos_token_id": vocabulary.tokens[end],
        "hidden_act": "silu",
        "hidden_size": WIDTH,
        "initializer_range": 0.02,
        "intermediate_size": INNER,
        "max_position_embeddings": 2048,
        "max_window_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": KEY_HEADS,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 1000000.0,
        "sliding_window": None,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": vocabulary.rows,
    }


def dream(vocabulary: Vocabulary) -> dict[str, Any]:
    """Dream and DreamOn."""
    return _qwen(vocabulary, "<|endoftext|>", "<|endoftext|>") | {
        "architectures": ["DreamModel"],
        "auto_map": {
            "AutoConfig": "configuration_dream.DreamConfig",
            "AutoModel": "modeling_dream.DreamModel",
        },
        "mask_token_id": vocabulary.tokens["<|mask|>"],
        "model_type": "Dream",
        "pad_token_id": vocabulary.tokens["<|endoftext|>"],
        "transformers_version": "4.46.2",
        "use_mrope": False,
    }


def open_dcoder(vocabulary: Vocabulary) -> dict[str, Any]:
    """Open-dCoder."""
    return _qwen(vocabulary, "<|endoftext|>", "<|endoftext|>") | {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "tie_word_embeddings": True,
        "transformers_version": "4.54.1",
    }


def a2d(vocabulary: Vocabulary) -> dict[str, Any]:
    """A Qwen2.5 that dLLM's A2D recipe has trained."""
    config = _qwen(vocabulary, "<|endoftext|>", "<|im_end|>")
    config["dtype"] = config.pop("torch_dtype")
    return config | {
        "architectures": ["A2DQwen2LMHeadModel"],
        "auto_map": {
            "AutoConfig": "modeling_qwen2.A2DQwen2Config",
            "AutoModel": "modeling_qwen2.A2DQwen2LMHeadModel",
            "AutoModelForMaskedLM": "modeling_qwen2.A2DQwen2LMHeadModel",
        },
        "layer_types": ["full_attention"] * LAYERS,
        "model_type": "a2d-qwen2",
        "tie_word_embeddings": True,
        "transformers_version": "4.57.0",
    }


def a2d_qwen3(vocabulary: Vocabulary) -> dict[str, Any]:
    """A Qwen3 that dLLM's A2D recipe has trained."""
    return a2d(vocabulary) | {
        "architectures": ["A2DQwen3LMHeadModel"],
        "attention_bias": False,
        "auto_map": {
            "AutoConfig": "modeling_qwen3.A2DQwen3Config",
            "AutoModel": "modeling_qwen3.A2DQwen3LMHeadModel",
            "AutoModelForMaskedLM": "modeling_qwen3.A2DQwen3LMHeadModel",
        },
        "head_dim": HEAD_WIDTH,
        "model_type": "a2d-qwen3",
    }


def fast_dllm(vocabulary: Vocabulary) -> dict[str, Any]:
    """Fast-dLLM v2."""
    return _qwen(vocabulary, "<|endoftext|>", "<|im_end|>") | {
        "architectures": ["Fast_dLLM_QwenForCausalLM"],
        "auto_map": {
            "AutoConfig": "configuration.Fast_dLLM_QwenConfig",
            "AutoModel": "modeling.Fast_dLLM_QwenModel",
            "AutoModelForCausalLM": "modeling.Fast_dLLM_QwenForCausalLM",
        },
        "bd_size": 32,
        "conplemenrary_mask": True,  # published so
        "layer_types": ["full_attention"] * LAYERS,
        "model_type": "Fast_dLLM_Qwen",
        "pad_token_id": vocabulary.tokens["<|im_end|>"],
        "transformers_version": "4.53.1",
    }


def sdar(vocabulary: Vocabulary) -> dict[str, Any]:
    """SDAR."""
    return _qwen(vocabulary, "<|endoftext|>", "<|endoftext|>") | {
        "architectures": ["SDARForCausalLM"],
        "attention_bias": False,
        "attn_implementation": "flex_attention",
        "auto_map": {
            "AutoConfig": "configuration_sdar.SDARConfig",
            "AutoModel": "modeling_sdar.SDARModel",
            "AutoModelForCausalLM": "modeling_sdar.SDARForCausalLM",
        },
        "block_size": 4,
        "debug": False,
        "ep_size": 1,
        "fuse_cross_entropy": True,
        "head_dim": HEAD_WIDTH,
        "mask_token_id": vocabulary.tokens["<MASK>"],
        "micro_forward": False,
        "model_type": "sdar",
        "rope_theta": 1000000,
        "skip_checkpoint": False,
        "transformers_version": "4.52.4",
        "use_cache": False,
        "use_deepep": False,
    }


def llada(vocabulary: Vocabulary) -> dict[str, Any]:
    """LLaDA."""
    return {
        "activation_type": "silu",
        "alibi": False,
        "alibi_bias_max": 8.0,
        "architectures": ["LLaDAModelLM"],
        "attention_dropout": 0.0,
        "attention_layer_norm": False,
        "attention_layer_norm_with_affine": True,
        "auto_map": {
            "AutoConfig": "configuration_llada.LLaDAConfig",
            "AutoModelForCausalLM": "modeling_llada.LLaDAModelLM",
            "AutoModel": "modeling_llada.LLaDAModelLM",
        },
        "bias_for_layer_norm": False,
        "block_group_size": 1,
        "block_type": "llama",
        "d_model": WIDTH,
        "embedding_dropout": 0.0,
        "embedding_size": vocabulary.rows,
        "eos_token_id": vocabulary.tokens["<|endoftext|>"],
        "flash_attention": False,
        "include_bias": False,
        "include_qkv_bias": False,
        "init_cutoff_factor": None,
        "init_device": "meta",
        "init_fn": "mitchell",
        "init_std": 0.02,
        "input_emb_norm": False,
        "layer_norm_type": "rms",
        "layer_norm_with_affine": True,
        "mask_token_id": vocabulary.tokens["<|mdm_mask|>"],
        "max_sequence_length": 1024,
        "mlp_hidden_size": INNER,
        "mlp_ratio": 4,
        "model_type": "llada",
        "multi_query_attention": None,
        "n_heads": HEADS,
        "n_kv_heads": HEADS,
        "n_layers": LAYERS,
        "pad_token_id": vocabulary.tokens["<|endoftext|>"],
        "precision": "amp_bf16",
        "residual_dropout": 0.0,
        "rms_norm_eps": 1e-05,
        "rope": True,
        "rope_full_precision": True,
        "rope_theta": 500000.0,
        "scale_logits": False,
        "transformers_version": "4.46.3",
        "use_cache": False,
        "vocab_size": vocabulary.rows,
        "weight_tying": False,
    }


def illada(vocabulary: Vocabulary) -> dict[str, Any]:
    """iLLaDA."""
    return {
        "architectures": ["ILLaDAForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "auto_map": {
            "AutoConfig": "configuration_illada.ILLaDAConfig",
            "AutoModel": "modeling_illada.ILLaDAForCausalLM",
            "AutoModelForCausalLM": "modeling_illada.ILLaDAForCausalLM",
        },
        "bos_token_id": vocabulary.tokens["<s>"],
        "dtype": "bfloat16",
        "eos_token_id": vocabulary.tokens["</s>"],
        "hidden_act": "silu",
        "hidden_size": WIDTH,
        "initializer_range": 0.02,
        "intermediate_size": INNER,
        "layer_norm_eps": None,
        "max_position_embeddings": 1024,
        "mlp_bias": False,
        "model_type": "illada",
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": KEY_HEADS,
        "pad_token_id": vocabulary.tokens["<pad>"],
        "resid_pdrop": 0.0,
        "rms_norm_eps": 1e-05,
        "rope_scaling": None,
        "rope_theta": 500000.0,
        "tie_word_embeddings": True,
        "transformers_version": "4.57.1",
        "vocab_size": vocabulary.rows,
    }
