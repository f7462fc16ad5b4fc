"""Text at the speed of memory: buffers, compiled loops, words, syntax, licences, the profile of a corpus."""
