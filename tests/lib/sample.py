# sample.py ROOT OUTPUT - looks all the time, until it gets SIGTERM, at what is in the staging directories in ROOT, and
# then writes to OUTPUT, each as `NAME=NUMBER` for the shell to read:
#
#	samples		how often it has looked
#	most_bytes	the most bytes that were there at one moment: staged, and of the volume that was being made
#	most_staged	the most staged files
#	most_making	the most bytes of a file that was being made while another was staged
#
# A sample counts if the same files are still there after it, by their names, which are never given again. As files only
# grow, and a file that is staged gets another name, what it has found was then there at one moment, at least.
import os
import signal
import sys
import time


def look(root):
    sizes = {}
    with os.scandir(root) as directories:
        paths = [entry.path for entry in directories if entry.name.startswith('stagedir-')]
    for path in paths:
        try:
            with os.scandir(path) as files:
                for entry in files:
                    if entry.name.startswith(('staged-', 'mktemp-', 'mkstemp-')):
                        sizes[entry.path] = entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            return None
    return sizes


def main():
    root, output = sys.argv[1:]
    ended = []
    samples = most_bytes = most_staged = most_making = 0
    signal.signal(signal.SIGTERM, lambda number, frame: ended.append(number))
    before = None
    while not ended:
        sizes = look(root)
        if before is not None and sizes is not None and sizes.keys() == before.keys():
            samples += 1
            staged = [path for path in before if '/staged-' in path]
            making = [before[path] for path in before if '/staged-' not in path]
            most_bytes = max(most_bytes, sum(before.values()))
            most_staged = max(most_staged, len(staged))
            if staged:
                most_making = max([most_making] + making)
        before = sizes
        time.sleep(0.002)
    with open(output, 'w') as file:
        print(f'samples={samples}\nmost_bytes={most_bytes}\nmost_staged={most_staged}\nmost_making={most_making}',
              file=file)


main()
