"""Addresses that are open to everybody."""
