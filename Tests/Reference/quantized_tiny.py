"""Quantises random matrices of tiny models in every layout that Docent reads, and dequantises them again.

Writes Tests/Fixtures/checkpoints/quantized: for each scheme NAME.safetensors (the parts of each matrix as the format has
them), NAME.golden.safetensors (the same matrices as f16), and schemes.json (what config.json says). Values are products
in f32 of what the parts hold, rounded to f16 once. Shapes and names are those of smolvlm-tiny and of the tests' Llama.

Made with torch 2.15.0, safetensors 0.8.0, Python 3.11:

    python Tests/Reference/quantized_tiny.py

Everything is written from the formats' definitions. Where compressed_tensors (0.20.0), awq (autoawq 0.2.9, packing_utils)
or auto_gptq (0.7.1) can be imported, their code must dequantise the same parts to the same values.
"""

import json
import pathlib

import torch
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).parents[1] / "Fixtures" / "checkpoints" / "quantized"
F8 = torch.float8_e4m3fn
E2M1 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])
# In a word of 32 bits, nibble k holds this output of eight.
AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]

SMOL_TEXT = {
    f"model.text_model.layers.0.{name}": shape
    for name, shape in {
        "self_attn.q_proj": (32, 32), "self_attn.k_proj": (16, 32), "self_attn.v_proj": (16, 32),
        "self_attn.o_proj": (32, 32), "mlp.gate_proj": (64, 32), "mlp.up_proj": (64, 32), "mlp.down_proj": (32, 64),
    }.items()
}
SMOL_VISION = {
    f"model.vision_model.encoder.layers.0.{name}": shape
    for name, shape in {
        "self_attn.q_proj": (32, 32), "self_attn.k_proj": (32, 32), "self_attn.v_proj": (32, 32),
        "self_attn.out_proj": (32, 32), "mlp.fc1": (48, 32), "mlp.fc2": (32, 48),
    }.items()
}
LLAMA = {
    f"model.layers.1.{name}": shape
    for name, shape in {
        "self_attn.q_proj": (64, 64), "self_attn.k_proj": (32, 64), "self_attn.v_proj": (32, 64),
        "mlp.down_proj": (64, 96),
    }.items()
}


def words(codes):
    """Whole numbers below 2^bits, [..., n] with n · bits = 32, to words; the first in the lowest bits."""
    bits = 32 // codes.shape[-1]
    shifts = torch.arange(codes.shape[-1], dtype=torch.int64) * bits
    packed = (codes.to(torch.int64) << shifts).sum(-1)
    return torch.where(packed >= 1 << 31, packed - (1 << 32), packed).to(torch.int32)


def packed(codes, axis, bits, order=None):
    """Packs along an axis, padded to whole words."""
    count = 32 // bits
    codes = codes.movedim(axis, -1)
    codes = torch.nn.functional.pad(codes, (0, -codes.shape[-1] % count))
    codes = codes.reshape(*codes.shape[:-1], -1, count)
    return words(codes if order is None else codes[..., order]).movedim(-1, axis).contiguous()


def blocks(weight, rows, columns):
    """The largest magnitude of each block, and for each weight the place of its block."""
    down, across = -(-weight.shape[0] // rows), -(-weight.shape[1] // columns)
    index = (torch.arange(weight.shape[0]) // rows)[:, None] * across + (torch.arange(weight.shape[1]) // columns)[None]
    largest = torch.zeros(down * across).scatter_reduce(0, index.flatten(), weight.abs().flatten(), "amax")
    return largest.reshape(down, across), index


def bytes_of(weight, rows, columns, scale_type, code=F8):
    largest, index = blocks(weight, rows or weight.shape[0], columns or weight.shape[1])
    scale = (largest / (448 if code == F8 else 127)).to(scale_type)
    spread = scale.float().flatten()[index]
    codes = (weight / spread).to(F8) if code == F8 else (weight / spread).round().clamp(-128, 127).to(torch.int8)
    return codes, scale, codes.float() * spread


def integers(weight, group, bits, generator, symmetric, scale_type, index=None):
    """Codes, zeros [outputs, groups], scales [outputs, groups] and values."""
    index = torch.arange(weight.shape[1]) // group if index is None else index
    groups = int(index.max()) + 1
    largest = torch.stack([weight[:, index == g].abs().amax(1) for g in range(groups)], dim=1)
    middle = 1 << (bits - 1)
    scale = (largest / (middle - 1) * 1.1).to(scale_type)
    zero = torch.full(scale.shape, middle)
    if not symmetric:
        zero = zero + torch.randint(-middle // 2, middle // 2, scale.shape, generator=generator)
    codes = ((weight / scale.float()[:, index]).round() + zero[:, index]).clamp(0, 2 * middle - 1).to(torch.int64)
    return codes, zero, scale, (codes - zero[:, index]).float() * scale.float()[:, index]


def fp8_channel(name, weight, generator):
    codes, scale, value = bytes_of(weight, 1, None, torch.bfloat16)
    return {f"{name}.weight": codes, f"{name}.weight_scale": scale}, value


def fp8_block(name, weight, generator):
    codes, scale, value = bytes_of(weight, 16, 24, torch.float32)
    return {f"{name}.weight": codes, f"{name}.weight_scale_inv": scale}, value


def fp8_modelopt(name, weight, generator):
    codes, scale, value = bytes_of(weight, None, None, torch.float32)
    parts = {"weight": codes, "weight_scale": scale[0, 0].clone(), "input_scale": torch.tensor(0.02)}
    if name.endswith("k_proj"):
        parts["k_scale"] = torch.tensor(1.0)
    return {f"{name}.{part}": tensor for part, tensor in parts.items()}, value


def int8_channel(name, weight, generator):
    codes, scale, value = bytes_of(weight, 1, None, torch.float32, torch.int8)
    return {f"{name}.weight": codes, f"{name}.weight_scale": scale}, value


def fp4(weight, generator):
    """Codes in pairs, scales of each 16, what multiplies them all, and values."""
    global_scale = weight.abs().max() / (448 * 6)
    grouped = weight.reshape(weight.shape[0], -1, 16)
    scale = (grouped.abs().amax(-1) / 6 / global_scale).to(F8)
    wanted = grouped / (scale.float() * global_scale)[..., None]
    codes = (wanted[..., None] - E2M1).abs().argmin(-1)
    # Both zeros.
    codes = torch.where((codes == 0) & (wanted < 0), 8, codes).reshape(weight.shape)
    pairs = (codes[:, 0::2] | codes[:, 1::2] << 4).to(torch.uint8)
    return pairs, scale, global_scale, codes


def fp4_value(codes, scale, factor):
    return E2M1[codes] * scale.float().repeat_interleave(16, dim=1) * factor


def nvfp4_modelopt(name, weight, generator):
    pairs, scale, factor, codes = fp4(weight, generator)
    parts = {"weight": pairs, "weight_scale": scale, "weight_scale_2": factor, "input_scale": torch.tensor(0.01)}
    return {f"{name}.{part}": tensor for part, tensor in parts.items()}, fp4_value(codes, scale, factor)


def nvfp4_compressed(name, weight, generator):
    pairs, scale, factor, codes = fp4(weight, generator)
    divisor = (1 / factor).reshape(1)
    parts = {
        "weight_packed": pairs, "weight_scale": scale, "weight_global_scale": divisor,
        "input_global_scale": torch.tensor([300.0]),
    }
    return {f"{name}.{part}": tensor for part, tensor in parts.items()}, fp4_value(codes, scale, 1 / divisor)


def awq(name, weight, generator):
    codes, zero, scale, value = integers(weight, 32, 4, generator, False, torch.float16)
    parts = {
        "qweight": packed(codes.T, 1, 4, AWQ_ORDER), "qzeros": packed(zero.T, 1, 4, AWQ_ORDER),
        "scales": scale.T.contiguous(),
    }
    return {f"{name}.{part}": tensor for part, tensor in parts.items()}, value


def gptq(name, weight, generator, group, bits, stored_less, shuffled):
    group = group or weight.shape[1]
    index = torch.arange(weight.shape[1]) // group
    if shuffled:
        index = index[torch.randperm(weight.shape[1], generator=generator)]
    codes, zero, scale, value = integers(weight, group, bits, generator, False, torch.float16, index)
    parts = {
        "qweight": packed(codes.T, 0, bits), "qzeros": packed((zero - stored_less).T, 1, bits),
        "scales": scale.T.contiguous(), "g_idx": index.to(torch.int32),
    }
    return {f"{name}.{part}": tensor for part, tensor in parts.items()}, value


def rows(name, weight, generator, symmetric, shuffled):
    index = torch.arange(weight.shape[1]) // 32
    if shuffled:
        index = index[torch.randperm(weight.shape[1], generator=generator)]
    codes, zero, scale, value = integers(weight, 32, 4, generator, symmetric, torch.bfloat16, index)
    parts = {
        "weight_packed": packed(codes, 1, 4), "weight_scale": scale, "weight_shape": torch.tensor(weight.shape),
    }
    if not symmetric:
        parts["weight_zero_point"] = packed(zero, 0, 4)
    if shuffled:
        parts["weight_g_idx"] = index.to(torch.int32)
    return {f"{name}.{part}": tensor for part, tensor in parts.items()}, value


def compressed(format, ignore, **weights):
    arguments = {"num_bits": 8, "type": "float", "symmetric": True, "group_size": None, "block_structure": None}
    group = {"targets": ["Linear"], "weights": arguments | weights, "input_activations": None, "output_activations": None}
    return {
        "quant_method": "compressed-tensors", "format": format, "ignore": ignore, "kv_cache_scheme": None,
        "quantization_status": "compressed", "config_groups": {"group_0": group},
    }


# Name, model, modules, how a matrix is made, and what the settings say.
SCHEMES = [
    ("fp8-channel", "smolvlm", SMOL_TEXT | SMOL_VISION, fp8_channel,
     compressed("float-quantized", ["lm_head", "re:.*connector.*"], strategy="channel")),
    ("fp8-block", "smolvlm", SMOL_TEXT, fp8_block,
     {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [16, 24],
      "modules_to_not_convert": ["model.vision_model", "lm_head"]}),
    ("int4-symmetric", "smolvlm", SMOL_TEXT, lambda *given: rows(*given, symmetric=True, shuffled=False),
     compressed("pack-quantized", ["re:.*vision_model.*", "re:.*lm_head"], num_bits=4, type="int", strategy="group",
                group_size=32)),
    ("nvfp4-compressed", "smolvlm", SMOL_TEXT, nvfp4_compressed,
     compressed("nvfp4-pack-quantized", ["lm_head"], num_bits=4, strategy="tensor_group", group_size=16)),
    ("fp8-modelopt", "llama", LLAMA, fp8_modelopt,
     {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8", "exclude_modules": ["lm_head", "model.layers.0.*"]}),
    ("int8-channel", "llama", LLAMA, int8_channel,
     compressed("int-quantized", ["lm_head"], type="int", strategy="channel")),
    ("nvfp4-modelopt", "llama", LLAMA, nvfp4_modelopt,
     {"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ["lm_head", "model.layers.0*"]}),
    ("awq", "llama", LLAMA, awq,
     {"quant_method": "awq", "bits": 4, "group_size": 32, "version": "gemm", "zero_point": True,
      "modules_to_not_convert": None}),
    ("gptq", "llama", LLAMA,
     lambda *given: gptq(*given, group=32, bits=4, stored_less=1, shuffled=False),
     {"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": False, "sym": False}),
    ("gptq-act-order", "llama", LLAMA,
     lambda *given: gptq(*given, group=32, bits=4, stored_less=0, shuffled=True),
     {"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": True, "sym": False,
      "checkpoint_format": "gptq_v2"}),
    ("gptq-8-bits", "llama", LLAMA,
     lambda *given: gptq(*given, group=None, bits=8, stored_less=1, shuffled=False),
     {"quant_method": "gptq", "bits": 8, "group_size": -1, "desc_act": False, "checkpoint_format": "gptq"}),
    ("int4-act-order", "llama", LLAMA, lambda *given: rows(*given, symmetric=False, shuffled=True),
     compressed("pack-quantized", ["lm_head"], num_bits=4, type="int", strategy="group", group_size=32,
                symmetric=False, actorder="group")),
]


# MARK: What published packages make of the same parts


def package_value(scheme, parts, shape):
    """The value by a package that can be imported; None without one."""
    try:
        if scheme == "awq":
            from packing_utils import dequantize_gemm

            return dequantize_gemm(parts["qweight"], parts["qzeros"], parts["scales"], 4, 32).T
        if scheme.startswith("gptq"):
            from auto_gptq.nn_modules.qlinear.qlinear_cuda import QuantLinear

            bits = 8 if scheme == "gptq-8-bits" else 4
            group = int((parts["g_idx"] == 0).sum())
            layer = QuantLinear(bits, group, shape[1], shape[0], False, weight_dtype=torch.float32)
            layer.load_state_dict(parts | {"scales": parts["scales"].float()})
            # Its zeros are one more than what is stored.
            offset = parts["scales"].float()[parts["g_idx"].long()] if scheme == "gptq-act-order" else 0
            return (layer(torch.eye(shape[1])) + offset).T
        from compressed_tensors.compressors.nvfp4.helpers import unpack_fp4_from_uint8
        from compressed_tensors.compressors.pack_quantized.helpers import unpack_from_int32
        from compressed_tensors.quantization import QuantizationArgs
        from compressed_tensors.quantization.lifecycle.forward import dequantize
    except ImportError:
        return None
    if scheme in ("fp8-channel", "int8-channel"):
        arguments = QuantizationArgs(num_bits=8, type="float" if scheme[0] == "f" else "int", strategy="channel")
        return dequantize(parts["weight"], parts["weight_scale"].float(), args=arguments)
    if scheme == "fp8-modelopt":
        arguments = QuantizationArgs(num_bits=8, type="float", strategy="tensor")
        return dequantize(parts["weight"], parts["weight_scale"], args=arguments)
    if scheme.startswith("int4"):
        codes = unpack_from_int32(parts["weight_packed"], 4, torch.Size(shape))
        zero = parts.get("weight_zero_point")
        scale = parts["weight_scale"].float()
        if zero is not None:
            zero = unpack_from_int32(zero, 4, torch.Size((shape[0], scale.shape[1])), packed_dim=0)
        index = parts.get("weight_g_idx", torch.arange(shape[1]) // 32).long()
        return (codes.float() - (0 if zero is None else zero.float()[:, index])) * scale[:, index]
    if scheme.startswith("nvfp4"):
        arguments = QuantizationArgs(num_bits=4, type="float", strategy="tensor_group", group_size=16)
        pairs = parts["weight_packed"] if "weight_packed" in parts else parts["weight"]
        divisor = parts["weight_global_scale"] if "weight_global_scale" in parts else 1 / parts["weight_scale_2"]
        codes = unpack_fp4_from_uint8(pairs, shape[0], shape[1]).float()
        return dequantize(codes, parts["weight_scale"].float(), args=arguments, global_scale=divisor)
    return None


def agree(scheme, parts, name, value):
    local = {key.removeprefix(name + "."): tensor for key, tensor in parts.items() if key.startswith(name + ".")}
    found = package_value(scheme, local, tuple(value.shape))
    if found is None:
        return "not compared"
    difference = (found.float() - value).abs().max() / value.abs().max()
    # Orders of products differ, and awq computes in f16.
    assert difference < (2**-11 if scheme == "awq" else 1e-6), (scheme, name, difference)
    return f"a package's values within {difference:.0e}"


FOLDER.mkdir(parents=True, exist_ok=True)
listing = []
for seed, (scheme, model, modules, make, settings) in enumerate(SCHEMES):
    generator = torch.Generator().manual_seed(seed)
    parts, goldens, verdict = {}, {}, ""
    for name, shape in modules.items():
        weight = torch.randn(shape, generator=generator) * 0.2
        made, value = make(name, weight, generator)
        parts |= made
        goldens[f"{name}.weight"] = value.to(torch.float16)
        assert ((value - weight).abs().max() / weight.abs().max()) < 0.5, scheme
        verdict = agree(scheme, made, name, value)
    print(f"{scheme}: {verdict}")
    save_file(parts, FOLDER / f"{scheme}.safetensors")
    save_file(goldens, FOLDER / f"{scheme}.golden.safetensors")
    listing.append({"name": scheme, "model": model, "settings": settings})
(FOLDER / "schemes.json").write_text(json.dumps(listing, indent=1) + "\n")
