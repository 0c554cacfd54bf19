"""Signing objects and checking signatures: the keys, the scheme, and the keys of others that are known by name.

Looks at neither environment nor home folder: it is given stores and paths. Below `pod`, which is given a signer.
"""
