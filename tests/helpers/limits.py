"""How long a test waits for a process of its own."""

from __future__ import annotations

# Seconds. The limit is there only so that a hang ends some day: on a busy machine a process
# compiles for many minutes.
HANG = 1800.0
