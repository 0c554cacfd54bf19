"""Results of others: looked up by run key at the remotes of a pod and in the pods that registries list.

Everything that is found is a claim of somebody's. `reading` reads records by and by, `cache` keeps where they are,
`judging` says which may be taken, and `bringing` gets what they promise and verifies it. `finding` is all of it. Above
`remotes`, `registry` and `runs`, of which the last knows only the value types in `runs/reused.py`.
"""
