"""The circuit network: one for any connectome, parcellation and scan."""
