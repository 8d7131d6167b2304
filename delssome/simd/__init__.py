"""Compiled code that simulation and network share: vectors, functions, algebra."""
