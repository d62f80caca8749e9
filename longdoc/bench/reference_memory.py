"""Both forms of the compressive memory as plain loops in float64, one token after the other.

The equations are those of `longdoc.engine.memory`'s docstrings; no code is shared, only the weights are looked up by
their names. Token t reads what was written up to the last multiple of N that is not after t.

Shapes: T tokens, E hidden size, H memory heads, Hkv key/value heads, G query heads for each, D head dim,
Dk key dim, Dv value dim, L lags, R memory width, N tokens per memory segment.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def delta_memory(memory: Any, hidden: Tensor) -> Tensor:
    """(T, E) -> (T, E), what is added to the attention's output. memory: a `DeltaMemory`, of any precision."""
    weight = {name: tensor.double() for name, tensor in memory.state_dict().items()}
    config = memory.config
    reduced = hidden @ weight["reduce.weight"].T
    nothing = torch.zeros(config.width, dtype=torch.float64)

    def before(t: int, lag: int) -> Tensor:
        return reduced[t - lag] if t >= lag else nothing

    matrices = [torch.zeros(config.key_dim, config.value_dim, dtype=torch.float64) for _ in range(config.heads)]
    covariances = {head: torch.eye(config.key_dim, dtype=torch.float64) for head in config.exact_heads}
    thresholds = config.thresholds()
    num_written = dict.fromkeys(config.exact_heads, 0.0)  # strengths since the last segment
    visible = list(matrices)
    outputs = []
    for t, x in enumerate(hidden):
        if t % config.segment_tokens == 0:
            for head in config.exact_heads:
                share = min(1.0, config.drift * num_written[head])
                covariances[head] = (1 - share) * covariances[head] + share * torch.eye(config.key_dim)
                num_written[head] = 0.0
            visible = list(matrices)
        queries = weight["query.weight"] @ torch.cat([before(t, lag) for lag in range(config.lags)])
        keys = weight["key.weight"] @ torch.cat([before(t, lag) for lag in range(1, config.lags + 1)])
        values = weight["value.weight"] @ x
        write = weight["write_gate.weight"] @ torch.cat([before(t, 0), before(t, 1)]) + weight["write_gate.bias"]
        read_gates = torch.sigmoid(weight["read_gate.weight"] @ x + weight["read_gate.bias"])
        found = []
        for head in range(config.heads):
            query = _unit(queries[head * config.key_dim : (head + 1) * config.key_dim])
            key = _unit(keys[head * config.key_dim : (head + 1) * config.key_dim])
            value = values[head * config.value_dim : (head + 1) * config.value_dim]
            found.append(read_gates[head] * (query @ visible[head]))
            strength = float((1.2 * torch.sigmoid(write[head]) - 0.1).clamp(0, 1))
            if strength < thresholds[head]:
                continue
            error = value - key @ matrices[head]
            if head in covariances:  # least squares: along what of the key is new, as far as the ridge lets it
                spread = covariances[head] @ key
                gain = spread / (key @ spread + config.ridge / strength)
                matrices[head] = matrices[head] + torch.outer(gain, error)
                covariances[head] = covariances[head] - torch.outer(gain, spread)
                num_written[head] += strength
            else:
                matrices[head] = matrices[head] + strength * torch.outer(key, error)
        outputs.append(weight["output.weight"] @ torch.cat(found))
    return torch.stack(outputs)


def paper_memory(memory: Any, query: Tensor, key: Tensor, value: Tensor, local: Tensor) -> Tensor:
    """Un-rotated (H, T, D), (Hkv, T, D) x2 and the local attention's (T, H, D) -> (T, H, D), mixed by the gates."""
    gates = torch.sigmoid(memory.gate.double())
    group = query.shape[0] // key.shape[0]
    num_segment = memory.config.segment_tokens
    mixed: Tensor = local.clone()
    for head in range(query.shape[0]):
        keys, values = _positive(key[head // group]), value[head // group]
        matrix = torch.zeros(keys.shape[1], values.shape[1], dtype=torch.float64)
        total = torch.zeros(keys.shape[1], dtype=torch.float64)
        for start in range(0, local.shape[0], num_segment):
            end = min(start + num_segment, local.shape[0])
            for t in range(start, end) if start else ():
                asked = _positive(query[head, t])
                mixed[t, head] = gates[head] * (asked @ matrix) / (asked @ total) + (1 - gates[head]) * local[t, head]
            matrix_before, total_before = matrix, total
            for t in range(start, end):
                known = torch.zeros_like(values[t])
                if memory.config.form == "paper-delta" and start:
                    known = keys[t] @ matrix_before / (keys[t] @ total_before)
                matrix = matrix + torch.outer(keys[t], values[t] - known)
                total = total + keys[t]
    return mixed


def _unit(vector: Tensor) -> Tensor:
    unit: Tensor = vector / vector.norm().clamp_min(1e-12)
    return unit


def _positive(x: Tensor) -> Tensor:
    """ELU + 1."""
    return torch.where(x > 0, x + 1, x.exp())
