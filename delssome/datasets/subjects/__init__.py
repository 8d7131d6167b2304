"""Subjects from arrays: aligned by name, runs combined, packed."""
