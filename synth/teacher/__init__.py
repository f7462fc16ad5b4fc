"""The teacher: asked by thousands of attempts at once, its answers read leniently."""
