"""Files here and on other stores: shards, found files, and whether those outside are as they were."""
