"""The two DELSSOME networks: within-range classifier and cost predictor."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import torch
from torch import nn

__all__ = ["CostNet", "RangeNet"]


class _CandidateEncoder(nn.Module):
    """Encode a candidate and its connectome: a token a region, and one to read out.

    A region's token joins an embedding of its parameters with one of its row of
    G * SC. There is no positional encoding: a region is known by its connections.
    """

    def __init__(self, n_rois, n_regional, d_model, n_layers, n_heads):
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

    def forward(self, regional, coupling):
        tokens = torch.cat(
            [self.embed_params(regional), self.embed_coupling(coupling)], dim=-1
        )
        read_out = self.read_out.expand(len(tokens), 1, -1)
        return self.transformer(torch.cat([read_out, tokens], dim=1))[:, 0]


class _ContextNet(nn.Module):
    """Network whose rows are [parameters | index of SC | index of FC and FCD].

    Both indices point into a bank of contexts. Parameters are expected in units of
    their ranges, in the order w_EE, w_EI, G, sigma (regional blocks of `n_rois`, G a
    single column).
    """

    def __init__(self, n_rois, n_edges, n_fcd_bins, d_model, n_layers, n_heads):
        super().__init__()
        self.n_rois = n_rois
        self.encoder = _CandidateEncoder(n_rois, 3, d_model, n_layers, n_heads)
        self.bank = None

    def set_contexts(self, sc, fc, fcd_pdf):
        """Hold the connectomes (maximum 1) and scan statistics that rows refer to."""
        self.bank = sc, fc, fcd_pdf

    def encode(self, x):
        """Give the encoded candidates and the rows of the bank with their targets."""
        n = self.n_rois
        # Neighbours that differ in their target alone are encoded once.
        candidates, position = x[:, :-1].unique_consecutive(dim=0, return_inverse=True)
        w_EE, w_EI, G, sigma, sc = candidates.split([n, n, 1, n, 1], dim=1)
        regional = torch.stack([w_EE, w_EI, sigma], dim=-1)
        coupling = G[:, :, None] * self.bank[0][sc[:, 0].long()]
        return self.encoder(regional, coupling)[position], x[:, -1].long()


class RangeNet(_ContextNet):
    """Logit that all firing rates of a candidate stay within range."""

    def __init__(self, n_rois, n_edges, n_fcd_bins, d_model, n_layers, n_heads):
        super().__init__(n_rois, n_edges, n_fcd_bins, d_model, n_layers, n_heads)
        self.head = nn.Sequential(nn.LayerNorm(d_model), nn.Linear(d_model, 1))

    def forward(self, x):
        """Give logits of shape (n,)."""
        encoded, _ = self.encode(x)
        return self.head(encoded)[:, 0]


class CostNet(_ContextNet):
    """Three cost terms of a candidate against a scan's FC and FCD."""

    def __init__(self, n_rois, n_edges, n_fcd_bins, d_model, n_layers, n_heads):
        super().__init__(n_rois, n_edges, n_fcd_bins, d_model, n_layers, n_heads)
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

    def forward(self, x):
        """Give costs of shape (n, 3): 1 - r and L1 up to 2, KS up to 1."""
        encoded, target = self.encode(x)
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
