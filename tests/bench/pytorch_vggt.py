#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times a VGGT-1B written plainly in PyTorch, as its authors run it: float32 weights, encoder and aggregator in bfloat16
by autocast (or float32), the camera head and the depth head in float32. What `vggt bench` reports for the same stages on
the same machine is compared with it. Weights are random; images 392 x 518. Needs PyTorch 2.11:

  PYTHONPATH=.deps/python python3 tests/bench/pytorch_vggt.py --frames 2,4,8 --precision bf16
"""

import argparse
import json
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

WIDTH, HEADS, DEPTH, ROWS, COLUMNS, SPECIALS = 1024, 16, 24, 28, 37, 5


class Attention(nn.Module):
    def __init__(self, qk_norm, width):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.q_norm = nn.LayerNorm(width // HEADS) if qk_norm else nn.Identity()
        self.k_norm = nn.LayerNorm(width // HEADS) if qk_norm else nn.Identity()

    def forward(self, x, rope):
        b, n, width = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        q, k = self.q_norm(q), self.k_norm(k)
        if rope is not None:
            q, k = rotate(q, rope), rotate(k, rope)
        x = F.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 2).reshape(b, n, width))


class Block(nn.Module):
    def __init__(self, qk_norm, width=WIDTH):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(qk_norm, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gamma1, self.gamma2 = nn.Parameter(torch.ones(width)), nn.Parameter(torch.ones(width))

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


class CameraHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.ModuleList(Block(False, 2 * WIDTH) for _ in range(4))
        self.token_norm, self.trunk_norm = nn.LayerNorm(2 * WIDTH), nn.LayerNorm(2 * WIDTH)
        self.embed, self.modulation = nn.Linear(9, 2 * WIDTH), nn.Linear(2 * WIDTH, 6 * WIDTH)
        self.branch = nn.Sequential(nn.Linear(2 * WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, 9))

    def forward(self, tokens):
        tokens = self.token_norm(tokens)
        pose = torch.zeros(*tokens.shape[:2], 9)
        for _ in range(4):
            shift, scale, gate = self.modulation(F.silu(self.embed(pose))).chunk(3, -1)
            x = gate * (F.layer_norm(tokens, tokens.shape[-1:]) * (1 + scale) + shift) + tokens
            for block in self.trunk:
                x = block(x)
            pose = pose + self.branch(self.trunk_norm(x))
        return pose


def residual_unit(features):
    return nn.Sequential(nn.ReLU(), nn.Conv2d(features, features, 3, padding=1), nn.ReLU(),
                         nn.Conv2d(features, features, 3, padding=1))


class DepthHead(nn.Module):
    def __init__(self, channels=(256, 512, 1024, 1024), features=256):
        super().__init__()
        self.norm = nn.LayerNorm(2 * WIDTH)
        self.projects = nn.ModuleList(nn.Conv2d(2 * WIDTH, c, 1) for c in channels)
        self.resizes = nn.ModuleList([
            nn.ConvTranspose2d(channels[0], channels[0], 4, 4), nn.ConvTranspose2d(channels[1], channels[1], 2, 2),
            nn.Identity(), nn.Conv2d(channels[3], channels[3], 3, 2, 1)])
        self.reduces = nn.ModuleList(nn.Conv2d(c, features, 3, padding=1, bias=False) for c in channels)
        self.first = nn.ModuleList(residual_unit(features) for _ in range(3))
        self.second = nn.ModuleList(residual_unit(features) for _ in range(4))
        self.outs = nn.ModuleList(nn.Conv2d(features, features, 1) for _ in range(4))
        self.fine = nn.Conv2d(features, features // 2, 3, padding=1)
        self.last = nn.Sequential(nn.Conv2d(features // 2, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 2, 1))

    def forward(self, layers):
        levels = []
        for tokens, project, resize, reduce in zip(layers, self.projects, self.resizes, self.reduces):
            x = project(self.norm(tokens[:, SPECIALS:]).transpose(1, 2).unflatten(2, (ROWS, COLUMNS)))
            levels.append(reduce(resize(x + 0.1)))  # 0.1 stands for the position embedding
        path = None
        for k in (3, 2, 1, 0):
            x = levels[k] if path is None else path + levels[k] + self.first[k](levels[k])
            x = x + self.second[k](x)
            size = levels[k - 1].shape[2:] if k else [2 * n for n in x.shape[2:]]
            path = self.outs[k](F.interpolate(x, size, mode="bilinear", align_corners=True))
        path = F.interpolate(self.fine(path), (14 * ROWS, 14 * COLUMNS), mode="bilinear", align_corners=True)
        depth, confidence = self.last(path + 0.1).unbind(1)
        return depth.exp(), 1 + confidence.exp()


def run(model, frames, precision):
    encoder, frame_blocks, global_blocks, camera_head, depth_head = model
    tokens = ROWS * COLUMNS + SPECIALS
    seconds, layers = {}, []
    clock = time.perf_counter()

    def lap(stage):
        nonlocal clock
        seconds[stage] = time.perf_counter() - clock
        clock = time.perf_counter()

    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        x = torch.randn(frames, tokens, WIDTH)
        for block in encoder:
            x = block(x)
        lap("encoder")
        one, every = rope_tables(1), rope_tables(frames)
        for i, (frame_block, global_block) in enumerate(zip(frame_blocks, global_blocks)):
            y = frame_block(x.view(frames, tokens, WIDTH), one)
            x = global_block(y.view(1, frames * tokens, WIDTH), every)
            if i in (4, 11, 17, 23):
                layers.append(torch.cat([y, x.view(frames, tokens, WIDTH)], 2))
        lap("aggregator")
    camera_head(layers[-1][None, :, 0].float())
    lap("camera head")
    for i in range(frames):  # one at a time, as vggt does on a CPU
        depth_head([layer[i : i + 1].float() for layer in layers])
    lap("depth head")
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", default="2,4,8")
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    with torch.inference_mode():
        model = [nn.ModuleList(Block(qk_norm) for _ in range(DEPTH)) for qk_norm in (False, True, True)]
        model += [CameraHead(), DepthHead()]
        run(model, 1, arguments.precision)  # warm-up
        results = []
        for frames in map(int, arguments.frames.split(",")):
            runs = [run(model, frames, arguments.precision) for _ in range(arguments.repeat)]
            seconds = {stage: statistics.median(r[stage] for r in runs) for stage in runs[0]}
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            results.append({"frames": frames, "runs": arguments.repeat, "seconds": seconds, "peak_memory_bytes": peak})
            print(f"{frames} frames: " + ", ".join(f"{stage} {value:.2f} s" for stage, value in seconds.items())
                  + f", peak memory {peak * 1e-9:.2f} GB", flush=True)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"precision": arguments.precision, "torch": torch.__version__,
                       "threads": torch.get_num_threads(), "results": results}, file, indent=1)


if __name__ == "__main__":
    main()
