"""Private pods: what leaves this machine is sealed with the pod's key, under names that say nothing.

What a key is (`key`), which file is meant (`labels`), the bytes of a sealed file (`form`, `padding`), making one
(`seal`), opening one (`unseal`), and where keys are kept (`keeping`). `docs/internals/sealing.md` describes the form
and what it does not hide.

Knows no remote. The library `cryptography` is loaded when the first file is sealed or opened.
"""
