"""Which pods there are: those on a user's FairOS account, and those that registries name.

`survey` looks into every pod of an account. A registry is a file in a pod, in the form of the first Sovr CLI (`form`):
the user's `own`, and those of others that were `added` by their sharing reference; `search` looks through all of them.
What a registry says is a stranger's claim: it is bounded, and checked by nobody before the pod is cloned.
"""
