"""
timed.py FILE COMMAND... - runs COMMAND, and adds a line to FILE: wall seconds, CPU seconds of it and of all its children
that it has waited for, the peak memory of the largest of them in KiB. Exits as COMMAND does.
"""

import os
import resource
import sys
import time

since = time.monotonic()
status = os.spawnvp(os.P_WAIT, sys.argv[2], sys.argv[2:])
wall = time.monotonic() - since
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], 'a') as file:
    print(f'{wall:.2f} {usage.ru_utime + usage.ru_stime:.2f} {usage.ru_maxrss}', file=file)
sys.exit(status)
