"""The daemon's calls and what they mean. Nothing here makes one.

routes.py     which calls there are, and which of them a script may make
record.py     the call log                         values.py     reading what the daemon sent
story.py      what the log's lines mean, one after the other
line.py, market.py, activities.py, batches.py, money.py: what each kind of call adds to it
seen.py       what comes of them                   costs.py      what that costs
"""
