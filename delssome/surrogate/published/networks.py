"""The two DELSSOME networks: within-range classifier and cost predictor."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

__all__ = ["CostNet", "RangeNet"]

Tensor = torch.Tensor


class _CandidateEncoder(nn.Module):
    """Encode a candidate and its connectome: a token a region, and one to read out.

    A region's token joins an embedding of its parameters with one of its row of
    G * SC. There is no positional encoding: a region is known by its connections.
    """

    def __init__(
        self, n_rois: int, n_regional: int, d_model: int, n_layers: int, n_heads: int
    ) -> None:
        super().__init__()
        half = d_model // 2
        self.embed_params = nn.Sequential(
            nn.Linear(n_regional, half), nn.LayerNorm(half)
        )
        self.embed_coupling = nn.Sequential(nn.Linear(n_rois, half), nn.LayerNorm(half))
        self.read_out = nn.Parameter(torch.randn(1, 1, d_model))
        layer = nn.TransformerEncoderLayer(
            d_model, n_heads, 4 * d_model, activation="gelu", batch_first=True
        )
        self.transformer = nn.TransformerEncoder(
            layer, n_layers, nn.LayerNorm(d_model), enable_nested_tensor=False
        )

    def forward(self, regional: Tensor, coupling: Tensor) -> Tensor:
        tokens = torch.cat(
            [self.embed_params(regional), self.embed_coupling(coupling)], dim=-1
        )
        read_out = self.read_out.expand(len(tokens), 1, -1)
        encoded: Tensor = self.transformer(torch.cat([read_out, tokens], dim=1))
        return encoded[:, 0]


class _ContextNet(nn.Module):
    """Network whose rows are [parameters | index of SC | index of FC and FCD].

    Both indices point into a bank of contexts. Parameters are expected in units of
    their ranges.

    Parameters
    ----------
    n_rois : int
    d_model, n_layers, n_heads : int
        Of the transformer.
    widths : sequence of int
        Columns of each parameter: `n_rois`, or one for all regions.
    coupling : int
        Which of the parameters is the global coupling.
    """

    def __init__(
        self,
        n_rois: int,
        d_model: int,
        n_layers: int,
        n_heads: int,
        widths: Sequence[int],
        coupling: int,
    ) -> None:
        super().__init__()
        self.n_rois, self.widths, self.coupling = n_rois, list(widths), coupling
        n_regional = len(self.widths) - 1
        self.encoder = _CandidateEncoder(n_rois, n_regional, d_model, n_layers, n_heads)
        self.bank: tuple[Tensor, Tensor, Tensor] | None = None

    def set_contexts(self, sc: Tensor, fc: Tensor, fcd_pdf: Tensor) -> None:
        """Hold the connectomes (maximum 1) and scan statistics that rows refer to."""
        self.bank = sc, fc, fcd_pdf

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give the encoded candidates and the rows of the bank with their targets."""
        assert self.bank is not None
        # Neighbours that differ in their target alone are encoded once.
        candidates, position = x[:, :-1].unique_consecutive(dim=0, return_inverse=True)
        *params, sc = candidates.split([*self.widths, 1], dim=1)
        G = params.pop(self.coupling)
        regional = torch.stack([p.expand(-1, self.n_rois) for p in params], dim=-1)
        coupling = G[:, :, None] * self.bank[0][sc[:, 0].long()]
        return self.encoder(regional, coupling)[position], x[:, -1].long()


class RangeNet(_ContextNet):
    """Logit that a candidate stays within its model's plausible range."""

    def __init__(
        self, n_edges: int, n_fcd_bins: int, d_model: int, **given: Any
    ) -> None:
        super().__init__(d_model=d_model, **given)
        self.head = nn.Sequential(nn.LayerNorm(d_model), nn.Linear(d_model, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Give logits of shape (n,)."""
        encoded, _ = self.encode(x)
        logits: Tensor = self.head(encoded)
        return logits[:, 0]


class CostNet(_ContextNet):
    """Three cost terms of a candidate against a scan's FC and FCD."""

    def __init__(
        self, n_edges: int, n_fcd_bins: int, d_model: int, **given: Any
    ) -> None:
        super().__init__(d_model=d_model, **given)
        self.embed_fc = nn.Sequential(
            nn.Linear(n_edges, d_model), nn.LayerNorm(d_model)
        )
        self.embed_fcd = nn.Sequential(
            nn.LayerNorm(n_fcd_bins),
            nn.Linear(n_fcd_bins, d_model),
            nn.LayerNorm(d_model),
        )
        self.fc_head = nn.Sequential(nn.LayerNorm(d_model), nn.Linear(d_model, 2))
        self.fcd_head = nn.Sequential(nn.LayerNorm(d_model), nn.Linear(d_model, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Give costs of shape (n, 3): 1 - r and L1 up to 2, KS up to 1."""
        encoded, target = self.encode(x)
        assert self.bank is not None
        # Many rows of a batch share a target: embed each only once.
        used, position = target.unique(return_inverse=True)
        fc = self.embed_fc(self.bank[1][used])[position]
        fcd = self.embed_fcd(self.bank[2][used])[position]
        return torch.cat(
            [
                2.0 * self.fc_head(encoded + fc).sigmoid(),
                self.fcd_head(encoded + fcd).sigmoid(),
            ],
            dim=1,
        )
