"""Threads that wait by sleeping: on a busy machine spinning ones made these tests five times slower."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
