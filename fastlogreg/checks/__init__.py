"""Checks of what users give, made once, before any work."""
