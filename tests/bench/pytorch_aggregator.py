#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times encoder and aggregator of a VGGT-1B written plainly in PyTorch, as its authors run it: float32 weights, bfloat16
by autocast (or float32 throughout). What `vggt bench` reports for the same stages on the same machine is compared
with it. Weights are random; images 392 x 518. Needs PyTorch 2.11:

  PYTHONPATH=.deps/python python3 tests/bench/pytorch_aggregator.py --frames 2,4,8 --precision bf16
"""

import argparse
import json
import resource
import time

import torch
from torch import nn
from torch.nn import functional as F

WIDTH, HEADS, DEPTH, ROWS, COLUMNS, SPECIALS = 1024, 16, 24, 28, 37, 5


class Attention(nn.Module):
    def __init__(self, qk_norm):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)
        self.q_norm = nn.LayerNorm(WIDTH // HEADS) if qk_norm else nn.Identity()
        self.k_norm = nn.LayerNorm(WIDTH // HEADS) if qk_norm else nn.Identity()

    def forward(self, x, rope):
        b, n, _ = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        q, k = self.q_norm(q), self.k_norm(k)
        if rope is not None:
            q, k = rotate(q, rope), rotate(k, rope)
        x = F.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 2).reshape(b, n, WIDTH))


class Block(nn.Module):
    def __init__(self, qk_norm):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attn = Attention(qk_norm)
        self.fc1, self.fc2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.gamma1, self.gamma2 = nn.Parameter(torch.ones(WIDTH)), nn.Parameter(torch.ones(WIDTH))

    def forward(self, x, rope=None):
        x = x + self.attn(self.norm1(x), rope) * self.gamma1
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x)))) * self.gamma2


def rope_tables(frames):
    """cos and sin [frames * P, head size]: rows on the first half of the head, columns on the second."""
    y, x = torch.meshgrid(torch.arange(1, ROWS + 1), torch.arange(1, COLUMNS + 1), indexing="ij")
    zeros = torch.zeros(SPECIALS, dtype=torch.long)
    frequencies = 100.0 ** (-torch.arange(16) / 16)
    halves = [torch.cat([zeros, axis.flatten()])[:, None] * frequencies for axis in (y, x)]
    angles = torch.cat([halves[0], halves[0], halves[1], halves[1]], 1).repeat(frames, 1)
    return angles.cos(), angles.sin()


def rotate(x, rope):
    cos, sin = (table.to(x.dtype) for table in rope)
    half = x.shape[-1] // 2
    turned = []
    for part in (x[..., :half], x[..., half:]):
        first, second = part.chunk(2, -1)
        turned.append(torch.cat([-second, first], -1))
    return x * cos + torch.cat(turned, -1) * sin


def run(encoder, frame_blocks, global_blocks, frames):
    tokens = ROWS * COLUMNS + SPECIALS
    x = torch.randn(frames, tokens, WIDTH)
    start = time.perf_counter()
    for block in encoder:
        x = block(x)
    encoded = time.perf_counter()
    one, every = rope_tables(1), rope_tables(frames)
    for frame_block, global_block in zip(frame_blocks, global_blocks):
        x = frame_block(x.view(frames, tokens, WIDTH), one)
        x = global_block(x.view(1, frames * tokens, WIDTH), every)
    return encoded - start, time.perf_counter() - encoded


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", default="2,4,8")
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    with torch.inference_mode():
        parts = [nn.ModuleList(Block(qk_norm) for _ in range(DEPTH)) for qk_norm in (False, True, True)]
        results = []
        for i, frames in enumerate(map(int, arguments.frames.split(","))):
            with torch.autocast("cpu", torch.bfloat16, enabled=arguments.precision == "bf16"):
                if i == 0:
                    run(*parts, frames)  # warm-up; also fills autocast's cache of weights
                encoder, aggregator = run(*parts, frames)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            results.append({"frames": frames, "encoder_seconds": encoder, "aggregator_seconds": aggregator,
                            "peak_memory_bytes": peak})
            print(f"{frames} frames: encoder {encoder:.2f} s, aggregator {aggregator:.2f} s, "
                  f"peak memory {peak * 1e-9:.2f} GB", flush=True)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"precision": arguments.precision, "torch": torch.__version__,
                       "threads": torch.get_num_threads(), "results": results}, file, indent=1)


if __name__ == "__main__":
    main()
