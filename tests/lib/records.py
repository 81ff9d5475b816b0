"""Makes records of runs that never were (core/runevent.h), for stagedir report.

    records.py FOLDER KIND [BEGIN] [VOLUMES]

BEGIN is in milliseconds since 1970. Prints the name of the record. Everything follows from the arguments. KIND is

    plain     storage is as fast as duplicity
    outage    storage is away for a while in the middle
    slow      storage is slow all the time
    killed    as outage, and the run is killed before it ends
    failed    storage never comes back, and the run gives up
    flaky     each file is refused once, for a reason that names it
    odd       names, reasons and messages that are markup, or no text at all
"""

import os
import sys
import time
import zlib

TARGET = 'sftp://backup@storage.example/srv/backup'
ODD = '<script>alert("1")</script>&amp;\'"\n\x1b[31m\u202e\udcff'
BUDGET = 4
MIB = 1 << 20


def spell(field):
    data = os.fsencode(str(field))
    return ''.join(chr(byte) if 32 < byte < 127 and byte != 37 else f'%{byte:02X}' for byte in data) or '%'


def line(*fields):
    """A line of a record, with its checksum."""
    text = ' '.join(spell(field) for field in fields)
    return f'{zlib.crc32(text.encode()):08x} {text}\n'


class Run:
    """One run. Storage takes files one by one, and is away from `away` seconds to `back`; duplicity stays within BUDGET."""

    def __init__(self, begin, volumes, making=20, moving=18, away=None, back=None):
        self.begin, self.volumes, self.making, self.moving = begin, volumes, making, moving
        self.away, self.back = (away, back) if away is not None else (-1, -1)
        self.events = []
        self.free = 0  # when storage is free for the next file, in seconds
        self.stored = []
        self.attempts = 5
        self.flaky = False

    def tell(self, seconds, word, *fields):
        self.events.append((int(self.begin + seconds * 1000), len(self.events), word, fields))

    def name(self, number):
        return f'duplicity-full.20261130T020000Z.vol{number}.difftar.gpg'

    def move(self, number, size, sealed):
        """Storage takes a file. False: it was given up."""
        start = max(sealed, self.free)
        for attempt in range(1, self.attempts + 1):
            self.tell(start, 'upload', self.name(number), attempt)
            if self.flaky and attempt == 1:
                self.tell(start + 1, 'failed', self.name(number), attempt, f'cannot store {self.name(number)}: Broken pipe')
                start += 2
                continue
            if not self.away <= start < self.back:
                self.free = start + self.moving * (0.8 + number * 7 % 5 / 10)
                self.stored.append(self.free)
                self.tell(self.free, 'confirmed', self.name(number), size)
                return True
            reason = ('cannot connect to storage.example: No route to host' if attempt % 3 else
                      'storage.example: Connection timed out')
            self.tell(start + 10, 'failed', self.name(number), attempt, reason)
            start += 10 + 30 * attempt
        self.free = start
        return False

    def make(self):
        """All volumes. Returns when the last is made, and whether all were taken."""
        now = 2
        for number in range(1, self.volumes + 1):
            if number > BUDGET and self.stored[number - BUDGET - 1] > now:
                self.tell(now, 'waits', 'storage', '')
                now = self.stored[number - BUDGET - 1]
                self.tell(now, 'goes-on', 'storage')
            self.tell(now, 'volume', number)
            now += self.making * (0.7 + number * 3 % 7 / 10)
            size = 200 * MIB - number * 7919 % MIB if number < self.volumes else 71 * MIB
            self.tell(now, 'made', number, self.name(number), size)
            self.tell(now + 1.2, 'sealed', self.name(number), size)
            if not self.move(number, size, now + 1.2):
                return now, False
        return now, True

    def drain(self, made):
        if self.free > made + 0.5:
            self.tell(made + 0.5, 'waits', 'drain', '')
            self.tell(self.free, 'goes-on', 'drain')

    def write(self, folder, until=None):
        """Writes what has happened before a moment. Returns the name of the record."""
        whole, rest = divmod(self.begin, 1000)
        day = time.strftime('%Y%m%dT%H%M%S', time.gmtime(whole))
        name = f'{day}.{rest:03d}Z-4242'
        head = [(self.begin, -2, 'begun', (4242, 'full', TARGET, '3.0.6', BUDGET, 0)),
                (self.begin + 40, -1, 'root', ('/var/tmp', 41 << 30))]
        with open(os.path.join(folder, name), 'w', opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            out.write(line('stagedir-run', 1))
            for moment, _, word, fields in sorted(head + self.events, key=lambda event: event[:2]):
                if until is None or moment < self.begin + until * 1000:
                    out.write(line(word, moment, *fields))
        return name


def odd(begin):
    run = Run(begin, 3)
    run.name = lambda number: f'{ODD}{number}'
    run.make()
    run.tell(1, 'waits', 'room', ODD)
    run.tell(2, 'goes-on', 'room')
    run.tell(run.free + 1, 'upload', ODD, 1)
    run.tell(run.free + 2, 'failed', ODD, 1, ODD)
    run.tell(run.free + 5, 'ended', 'error', 30, ODD)
    return run


def whole(begin, volumes, flaky=False, **how):
    """A run that comes to its end, or gives up."""
    run = Run(begin, volumes, **how)
    run.flaky = flaky
    made, taken = run.make()
    run.drain(made)
    if taken:
        run.tell(max(made, run.free) + 3, 'ended', 'done', 0, '')
    else:
        run.tell(run.free + 1, 'ended', 'storage', 50, 'Giving up after 5 attempts: No route to host')
    return run


def main(folder, kind, begin='1796004000250', volumes='24'):
    begin, volumes = int(begin), int(volumes)
    until = None
    if kind == 'odd':
        run = odd(begin)
    elif kind == 'plain':
        run = whole(begin, volumes, moving=12)
    elif kind == 'flaky':
        run = whole(begin, volumes, flaky=True)
    elif kind == 'slow':
        run = whole(begin, volumes, moving=33)
    elif kind == 'failed':
        run = whole(begin, volumes, away=160, back=1e9)
    elif kind in ('outage', 'killed'):
        run = whole(begin, volumes, away=160, back=400)
        until = 300 if kind == 'killed' else None
    else:
        sys.exit(__doc__)
    print(run.write(folder, until))


main(*sys.argv[1:])
