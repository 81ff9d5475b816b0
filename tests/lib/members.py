# members.py - what is in a tar archive on standard input, as Python's tarfile, by which the host reads, sees it: a line
# for each member, with all that is kept of it, and the digest of its content.
import hashlib
import sys
import tarfile


def line(archive, member):
    content = archive.extractfile(member).read() if member.isreg() else b''
    return (member.name.encode(errors='surrogateescape'), member.type, f'{member.mode:o}', member.uid, member.gid,
            member.uname, member.gname, int(member.mtime), member.linkname.encode(errors='surrogateescape'), member.size,
            member.devmajor, member.devminor, hashlib.sha256(content).hexdigest())


with tarfile.open(fileobj=sys.stdin.buffer, mode='r|') as archive:
    for member in archive:
        print(*line(archive, member))
