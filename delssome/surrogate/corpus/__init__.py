"""The training corpus: groups, their labels, shards on disk, and the recipe."""
