"""Pods on FairOS-DFS servers, reached over HTTP.

`address` and `reference` are what a user may write, and light. The rest makes up the client, `client.FairOS`, and loads
httpx: it is imported when a server is talked to. The client knows calls, sessions and failures; packs and manifests are
the remote's, and trying again is `sovrgit.remotes.base.with_retries`, which goes by `Transient`.

Secrets are passwords, signatures, tokens and sharing references. They are in no message, cause, `repr` or log record:
what a server says is told only after `wording.safe` has been over it, and an exception of httpx, which holds the
request, is never a cause or context of ours.
"""
