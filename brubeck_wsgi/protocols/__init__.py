"""Protocols: bytes and what they mean; no socket, clock, thread or greenlet."""
