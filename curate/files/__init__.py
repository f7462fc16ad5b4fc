"""Files: shards of a run, files outside it, on this machine or on any fsspec store.

In: paths, globs, URLs. Out: tables that are written whole or not at all (shards.py), the files that a pattern names
(stores.py, local.py), bytes from stores that fail now and then (steady.py), and whether files that a stage reads are
those of an earlier run (contents.py). cache.py names the user's cache folder.
"""
