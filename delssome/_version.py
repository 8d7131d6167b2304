"""Version of the package, its one place; a tag to be released must agree with it."""

__version__ = "0.1.0"
