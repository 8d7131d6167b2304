"""The published form: within-range classifier and cost predictor (transformers)."""
