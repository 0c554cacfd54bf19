"""Local stand-ins that speak the real wire protocols, and what they share: running one in the background.

A stand-in is started by a command or by a test, never by importing something. It binds to loopback only.
"""
