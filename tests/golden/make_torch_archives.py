# SPDX-License-Identifier: Apache-2.0
"""Writes the small torch.save files of tests/golden/torch_archive; needs PyTorch 2.11.

python3 tests/golden/make_torch_archives.py tests/golden/torch_archive

Values are counted up from 0 (see `count`), so that a test can say what it expects.
"""

import os
import sys
import zipfile

import torch


class OsSystem:
    """A pickle that runs a command in whoever executes it."""

    def __reduce__(self):
        return os.system, ("touch executed_by_pickle",)


def count(*shape, dtype=torch.float32):
    return torch.arange(torch.Size(shape).numel()).reshape(shape).to(dtype)


def deflate(source, target):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))


def main(folder):
    def save(name, value, **options):
        torch.save(value, os.path.join(folder, name), **options)

    weights = {"a.weight": count(2, 3), "a.bias": count(2)}
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
    for parameter in module.parameters():
        parameter.data = count(*parameter.shape)
    optimizer = torch.optim.Adam(module.parameters()).state_dict()

    save("plain.pt", weights)
    save("module_state_dict.pt", module.state_dict())
    save("parameters.pt", dict(module.named_parameters()))
    others = {"epoch": 3, "seed": 2**80, "rate": 1e-3, "name": "x", "none": None, "list": [1, "b"]}
    save("nested_model.pt", {"model": module.state_dict(), "optimizer": optimizer, **others})
    save("nested_state_dict.pt", {"state_dict": weights, "best": torch.tensor(0.5), **others})
    base = count(4, 6)
    save(
        "views.pt",
        {
            "base": base,
            "transposed": base.t(),
            "row": base[2],
            "column": base[1:, 3],
            "scalar": base[3, 5],
            "empty": base[:0],
        },
    )
    names = "float64 float32 float16 bfloat16 float8_e4m3fn float8_e5m2 "
    names += "int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool"
    save("dtypes.pt", {name: count(3, dtype=getattr(torch, name)) for name in names.split()})
    save("protocol_4.pt", weights, pickle_protocol=4)
    save("before_1_6.pt", weights, _use_new_zipfile_serialization=False)
    deflate(os.path.join(folder, "plain.pt"), os.path.join(folder, "deflated.pt"))
    save("expanded.pt", {"a": torch.zeros(1).expand(5)})
    save("no_tensor.pt", {"epoch": 3})
    save("whole_module.pt", torch.nn.Linear(2, 2))
    save("os_system.pt", {"a": count(2), "b": OsSystem()})


if __name__ == "__main__":
    main(sys.argv[1])
