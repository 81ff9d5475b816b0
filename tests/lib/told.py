# told.py - what a run tells, as a front end sees it; for statistics.sh
#
#	told.py read				a run's --log-fd on standard input: a line for each message, with the time
#						at which it came: TIME, control line, text
#	told.py volumes LINES			those of them that are of a volume, or of what storage does with one
#	told.py timely LINES STORAGE		does none come before it is so?
#	told.py progress LINES STORAGE RATE	is --progress as far as the transfers are, of RATE bytes a second?
#	told.py statistics FILE STORAGE BEGUN OVER	do the statistics in what was printed, or in a .jsonstat, count until
#						the last volume is confirmed? BEGUN and OVER: the run, by the clock
#	told.py snapshots LINES FILE		is in the host's FILE, volume by volume, as much as was told then?
#	told.py percentages LINES		those of --progress, none of which may be less than the one before
#
# STORAGE is the log of the storage `odd`. A time at which something was read is never before it was written, so nothing
# here depends on how fast the machine is.
import gzip
import json
import pickle
import re
import sys
import time

ROUNDED = 0.001  # seconds: the log of the storage is rounded


def read():
    message = []
    for line in sys.stdin:
        line = line.rstrip('\n')
        if line:
            message.append(line)
        elif message:
            text = ' '.join(part[2:] for part in message[1:])
            print(f'{time.time():.6f}', message[0], text, sep='\t', flush=True)
            message = []


def told(lines):
    """(time, code, rest of the control line, text)"""
    with open(lines) as file:
        for line in file:
            stamp, control, text = line.rstrip('\n').split('\t')
            _level, code, *extra = control.split()
            yield float(stamp), int(code), extra, text


def stored(log):
    """{name: [time of the first put, time at which it was done, size]} in order."""
    files = {}
    with open(log) as file:
        for line in file:
            stamp, what, *rest = line.split()
            if what == 'put':
                files.setdefault(rest[0], [float(stamp), None, int(rest[1])])
            elif what == 'done':
                files[rest[0]][1] = float(stamp)
    return files


def is_volume(name):
    return '.difftar' in name


def stored_volumes(log):
    return [times for name, times in stored(log).items() if is_volume(name)]


def of_volumes(lines):
    for stamp, code, extra, text in told(lines):
        if code in (11, 13) or code == 2 and text or code == 1 and is_volume(text) and re.match('Writing |odd: ', text):
            yield stamp, code, extra, text


def volumes(lines):
    for _stamp, code, extra, text in of_volumes(lines):
        print(code, *extra, re.sub(r'\d{8}T\d{6}Z', 'TIME', text))


def timely(lines, log):
    files = stored_volumes(log)
    count = {11: 0, 13: 0, 2: 0, 1: 0}
    for stamp, code, _extra, text in of_volumes(lines):
        if text.startswith('odd: '):
            continue
        count[code] += 1
        # the volume before is stored when one begins, this one when it is done
        number = count[code] - 1 if code in (11, 1) else count[code]
        if number and stamp < files[number - 1][1] - ROUNDED:
            sys.exit(f'{files[number - 1][1] - stamp:.3f} s before volume {number} was stored: {code} {text}')
    if count[2] != len(files) or count[1] != len(files):
        sys.exit(f'of {len(files)} volumes {count[1]} were told to be written, {count[2]} to be processed')


def progress(lines, log, rate):
    files = stored(log)
    whole = sum(size for _put, _done, size in stored_volumes(log))
    parts, before, done, confirmed, known = 0, (0, 0), 0, 0, 0
    sizes = [size for _put, _done, size in stored_volumes(log)]
    for stamp, code, extra, text in told(lines):
        if code == 1 and text.startswith('odd: done ') and is_volume(text):
            done = sizes.pop(0)
        elif code == 1 and text.startswith('odd: put '):
            confirmed, done = confirmed + done, 0  # or this one would not be put
        if code != 16:
            continue
        count, percent = int(extra[0]), int(extra[2])
        parts += 1
        if (count, percent) < before or percent < before[1]:
            sys.exit(f'{count} bytes and {percent} % come after {before[0]} and {before[1]} %')
        # at the most what storage may have by now, which writes pieces of 64 KiB and waits behind each
        most = sum(min(size, 65536 + int(rate) * (stamp - put + ROUNDED))
                   for put, _done, size in files.values() if put - ROUNDED <= stamp)
        if count > most:
            sys.exit(f'{count} bytes are told, of which storage has {most} at the most')
        if percent != 100 and percent > 100 * most / whole + 10:
            sys.exit(f'{percent} % are told, {100 * most / whole:.0f} are there at the most')
        # at least what was stored before this was looked for: when the line before was there
        if count < known:
            sys.exit(f'{count} bytes are told, storage has {known}')
        if percent < 100 * known / whole - 10:
            sys.exit(f'{percent} % are told, {100 * known / whole:.0f} are stored')
        before, known = (count, percent), confirmed
    if before[1] != 100 or parts < 4:
        sys.exit(f'{parts} lines of progress, the last one {before[1]} %')
    if before[0] > sum(size for _put, _done, size in files.values()):
        sys.exit(f'{before[0]} bytes are told at the end, more than storage was given')


def numbers(name):
    """StartTime, EndTime, ElapsedTime, which may be None"""
    with open(name, 'rb') as file:
        content = file.read()
    if name.endswith('.gz'):
        content = gzip.decompress(content)
    if '.jsonstat' in name:
        found = json.loads(content)
    else:
        found = {word: float(number) for word, number in re.findall(r'^(\w+Time) ([\d.]+) ', content.decode(), re.M)}
    return [found[key] for key in ('StartTime', 'EndTime', 'ElapsedTime')]


def statistics(name, log, begun, over):
    start, end, elapsed = numbers(name)
    files = stored(log)
    last = max(done for _put, done, _size in stored_volumes(log))
    signatures = min(put for name, (put, _done, _size) in files.items() if '.sigtar' in name)
    rounded = 0.01 + ROUNDED
    if not last - rounded <= end <= signatures + rounded:
        sys.exit(f'EndTime is {end:.3f}: the last volume was stored at {last:.3f}, signatures were begun at {signatures:.3f}')
    if not float(begun) - rounded <= start <= stored_volumes(log)[0][0] or end > float(over):
        sys.exit(f'it was from {begun} to {over}, and is told to be from {start:.3f} to {end:.3f}')
    if elapsed is not None and abs(end - start - elapsed) > 2 * rounded:
        sys.exit(f'ElapsedTime is {elapsed:.3f}, not {end - start:.3f}')


def snapshots(lines, name):
    with open(name, 'rb') as file:
        kept = list(pickle.load(file))
    percent, expected = 0, []
    for _stamp, code, extra, text in told(lines):
        if code == 16:
            percent = int(extra[2])
        elif code == 1 and text.startswith('odd: done ') and is_volume(text):
            expected.append(percent)
    wrong = [number for number, percent in enumerate(expected, 1) if 100 * kept[number - 1] < percent]
    if wrong or len(kept) != len(expected):
        sys.exit(f'of each volume is kept: {kept}, and was told: {expected}')


def percentages(lines):
    found = [int(extra[2]) for _stamp, code, extra, _text in told(lines) if code == 16]
    print(*found)
    sys.exit(found != sorted(found))


globals()[sys.argv[1]](*sys.argv[2:])
