"""
urlsplit.py PROGRAM - compares what PROGRAM (url.c) makes of URLs with what this Python's urllib, and the host's ParsedUrl
where it can be imported, make of them. Prints how they differ, and ends with 1 then.
"""
import random
import re
import subprocess
import sys
import urllib.parse

try:
    from duplicity import backend
    from duplicity.errors import InvalidBackendURL
except ImportError:
    backend = None

ODD = [
    '', '/', '/local/dir', 'file:///srv', 'file:///srv?password=secret#x', 'sftp://me@corp.com:secret@host/dir',
    'sftp://me%40corp.com:se%3Acret@host:22//abs', 'stage+par2+SFTP://me:a:b@c@[fe80::1%25eth0]:22/d',
    'x://:secret@host', 'x://me:@host', 'x://@host', 'x://me:se?cret@host/dir', 'x://me:se/cret@host', 'x://me:se#cret@host',
    'rsync://host::module/dir', 'rclone:remote:path', 'rclone://remote:me@corp.com/dir', 'multi:///cfg.json?mode=mirror&onfail=abort',
    'gs://bucket/dir', 'b2://id:key@bucket/dir', 'azure://container', 'x://h;a=b/c;d=e?f', '//me:secret@host/dir',
    '://me:secret@host', 'x:/me:secret@host', 'x:me:secret@host', 'x y://me:secret@host', 'x://me:se\tcret@ho\nst/\r',
    'x:/\n/me:secret@host', 'x://me:sécrèt@hôst/dïr', 'x://me:\udcff\udcfe@host', 'x://[::1]', 'x://me:p@[::1]:a', 'x://h:', 'x://h:1:2',
]
PIECES = ['x', 'sftp', 'stage+', 'par2+', 'rclone', ':', '://', '//', '/', '?', '#', '@', '[', ']', '%', '%40', '%3A', '&', ';', '=',
          'me', 'corp.com', 'secret', 'host', '22', 'é', ' ', '\t', '\n', '\r', '.', '-', 'mode=a', 'token=b', '::1', '\udcff']


def by_chance(count):
    chance = random.Random(11)
    for number in range(count):
        begin = chance.choice(['', 'x://', 'sftp://me@', 'stage+sftp://', 'x://me:secret@'])
        yield begin + ''.join(chance.choice(PIECES) for _ in range(chance.randrange(12)))


def clean(part):
    """A part as urllib has it: it takes these out first."""
    return None if part is None else re.sub('[\t\n\r]', '', part)


def ours(urls):
    data = b''.join(url.encode('utf-8', 'surrogateescape') + b'\0' for url in urls)
    answer = subprocess.run([sys.argv[1]], input=data, stdout=subprocess.PIPE, check=True).stdout.decode()
    for line in answer.splitlines():
        yield [None if part == '-' else bytes.fromhex(part).decode('utf-8', 'surrogateescape') for part in line.split(',')]


def parts_of(url):
    """What urllib makes of it; None where it refuses it."""
    # what stands before it, later versions take away themselves
    try:
        split = urllib.parse.urlsplit(url.lstrip(''.join(map(chr, range(33)))))
        return split.scheme, split.username, split.password, split.hostname, split.path, split.query, split.fragment
    except ValueError:
        return None


def lower_host(host):
    host, percent, zone = host.partition('%')
    return host.lower() + percent + zone


def without(text, secret):
    """Is the secret in no place of a URL where a password may stand?"""
    return f':{secret}@' not in clean(text)


def main():
    urls = ODD + list(by_chance(20000))
    wrong = passwords = refused = 0
    for url, (scheme, user, password, host, _port, path, query, fragment, target, display) in zip(urls, ours(urls)):
        theirs = parts_of(url)
        if theirs is None:
            refused += 1
            continue
        mine = ((clean(scheme) or '').lower(), clean(user), clean(password), lower_host(clean(host) or '') or None,
                clean(path), clean(query) or '', clean(fragment) or '')
        # ours may begin with other characters
        may_differ = scheme and not scheme[0].isalpha()
        if mine != theirs and not may_differ:
            print(f'{url!r}: {mine} and not {theirs}')
            wrong += 1
        if theirs[2]:
            passwords += 1
            # rclone has no passwords
            if not without(target, theirs[2]) and 'rclone://' not in target:
                print(f'{url!r}: the target form {target!r} has the password')
                wrong += 1
            if not without(display, theirs[2]) and 'rclone://' not in display:
                print(f'{url!r}: the display form {display!r} has the password')
                wrong += 1
        if backend and not may_differ:
            wrong += differs_from_host(url, user, password, target)
    print(f'{len(urls) - refused - wrong} URLs are split alike, {passwords} of them with a password; Python refuses {refused}')
    return 1 if wrong else 0


def differs_from_host(url, user, password, target):
    """Does the host see another user or password, or in the target form a password or another place?"""
    try:
        theirs = backend.ParsedUrl(url)
        again = backend.ParsedUrl(target)
    except (InvalidBackendURL, ValueError):
        return 0
    if (urllib.parse.unquote(clean(user) or ''), urllib.parse.unquote(clean(password) or '')) != \
            (theirs.username or '', theirs.password or ''):
        print(f'{url!r}: the host has {theirs.username!r} and {theirs.password!r}')
        return 1
    place = [(parsed.username or '', parsed.hostname, parsed.port, parsed.path) for parsed in (theirs, again)]
    if theirs.netloc and 'rclone' not in url and 'stage+' not in url and place[0] != place[1]:
        print(f'{url!r}: {target!r} leads to {place[1]} and not {place[0]}')
        return 1
    return 0


sys.exit(main())
