# sitecustomize.py - registers with the host, in a test, the storage `odd`: odd:///DIR is a folder that is slow, fails,
# or is stored in pieces, as files in DIR.control say, which are read at every call:
#
#	rate		bytes a second; without it a put takes no time
#	down		every put fails; what is in it is the class of the error (temporary, fatal, backend) or the name of
#			an errno (ENOSPC), OSError without one by default
#	fail		a part of a name in it: a put of such a file fails, once, and the control is removed
#	breaks		the same, when half of the file is stored
#	hang		a part of a name in it: a put of such a file does not go on while it is there, and then fails if storage
#			is down
#	short		what is stored lacks its last byte; with a part of a name in it only that of such a file, once
#	reports		a put tells the host how far it is, as some backends do
#	tells		what is done is also told in the host's own log, at INFO
#	moves		a put takes away the file that it is given
#	late		a part of a name in it: such a file is not there when it is asked for, once
#	nolist		every list fails
#	quotes		an error of a put quotes the URL, and the password alone
#	pieces		a put writes into the file itself, not into a temporary one that is renamed when it is complete
#	getrate		bytes a second of a get, which begins 0.1 s late; without it a get takes no time
#	gethang		a part of a name in it: a get of such a file does not go on while it is there
#	getfail		a part of a name in it: a get of such a file fails, once, when half of it is there
#	getsays		a get says in the host's log, at INFO and NOTICE, what it does; with a name in it the file of that name is not got, and
#			the host is ended by the backend
#	nogets		a part of a name in it: every get of such a file fails; '/' has all fail
#	holds		a folder: each get logs how many files, and bytes, lie in the staging directories below it
#
# oddnet://USER:PASSWORD@HOST/DIR is the same storage with what it takes no notice of. In both, what is done is written to
# DIR.log: "TIME put NAME SIZE" before, "TIME done NAME" after, "TIME failed NAME",
# "TIME list", "TIME get NAME" before, "TIME got NAME" after, "TIME holds FILES BYTES" behind the first, without what is got then.
import errno
import importlib.abc
import importlib.util
import os
import sys
import time


def install(backend):
    from duplicity import progress
    from duplicity.errors import BackendException, FatalBackendException, TemporaryLoadException

    class OddBackend(backend.Backend):
        def __init__(self, parsed_url):
            backend.Backend.__init__(self, parsed_url)
            self.folder = '/' + parsed_url.path.lstrip('/')
            os.makedirs(self.folder, exist_ok=True)

        def _control(self, name):
            try:
                with open(f'{self.folder}.control/{name}') as control:
                    return control.read().strip()
            except FileNotFoundError:
                return None

        def _log(self, *words):
            with open(f'{self.folder}.log', 'a') as log:
                print(f'{time.time():.3f}', *words, file=log)
            if self._control('tells') is not None:
                from duplicity import log as host_log
                host_log.Info(f"odd: {' '.join(words[:2])}")

        def _fail_if_down(self, name):
            down = self._control('down')
            if down is not None:
                self._log('failed', name)
                classes = {'temporary': TemporaryLoadException, 'fatal': FatalBackendException,
                           'backend': BackendException}
                if hasattr(errno, down):
                    raise OSError(getattr(errno, down), f'{name}: storage is down')
                quoted = ''
                if self._control('quotes') is not None:
                    quoted = f': {self.parsed_url.url_string} {self.parsed_url.password}'
                raise classes.get(down, OSError)(f'{name}: storage is down{quoted}')

        def _once(self, control, name):
            part = self._control(control)
            if not part or part not in name:
                return False
            os.unlink(f'{self.folder}.control/{control}')
            return True

        def _put(self, source_path, remote_filename):
            name = os.fsdecode(remote_filename)
            size = os.path.getsize(source_path.name)
            self._log('put', name, size)
            self._fail_if_down(name)
            if self._once('fail', name):
                self._log('failed', name)
                raise OSError(f'{name}: fails once')
            rate = float(self._control('rate') or 0)
            breaks = self._once('breaks', name)
            reports = self._control('reports') is not None
            target = os.path.join(self.folder, name)
            written = target if self._control('pieces') is not None else os.path.join(self.folder, '.' + name)
            with open(source_path.name, 'rb') as source, open(written, 'wb', buffering=0) as stored:
                # by the clock, so that it is no slower where other threads run
                begun = time.monotonic()
                while True:
                    if reports:
                        progress.report_transfer(stored.tell(), size)
                    if breaks and stored.tell() >= size / 2:
                        self._log('failed', name)
                        raise OSError(f'{name}: breaks once')
                    piece = source.read(65536)
                    if not piece:
                        break
                    stored.write(piece)
                    if rate:
                        time.sleep(max(0, begun + stored.tell() / rate - time.monotonic()))
                while (self._control('hang') or '/') in name:
                    time.sleep(0.05)
                    self._fail_if_down(name)
                if self._control('short') == '' or self._once('short', name):
                    stored.truncate(stored.tell() - 1)
            os.rename(written, target)
            if self._control('moves') is not None:
                os.unlink(source_path.name)
            self._log('done', name)

        def _held(self, folder, local_path):
            """The files and bytes in the staging directories below folder, without the file that is got."""
            files = [os.path.join(where, name) for where, _unused, names in os.walk(folder) for name in names
                     if name.startswith(('mktemp-', 'mkstemp-')) and os.path.join(where, name) != os.fsdecode(local_path.name)]
            sizes = [os.path.getsize(file) for file in files if os.path.exists(file)]
            return len(sizes), sum(sizes)

        def _say_get(self, name):
            says = self._control('getsays')
            if says is None:
                return
            from duplicity import log as host_log
            host_log.Info(f'odd: getting {name}')
            host_log.Notice(f'odd: {name} is on its way')
            if says and says in name:
                host_log.FatalError(f'odd: {name} shall never be got', host_log.ErrorCode.backend_error)

        def _get(self, remote_filename, local_path):
            name = os.fsdecode(remote_filename)
            self._log('get', name)
            folder = self._control('holds')
            if folder:
                self._log('holds', *self._held(folder, local_path))
            self._say_get(name)
            while (self._control('gethang') or '/') in name:
                time.sleep(0.02)
            missing = self._control('nogets')
            if missing and (missing in name or missing == '/'):
                self._log('failed', name)
                raise OSError(f'{name}: storage is down')
            fails = self._once('getfail', name)
            rate = float(self._control('getrate') or 0)
            begun = time.monotonic() + 0.1
            size = 0
            with open(os.path.join(self.folder, name), 'rb') as stored, open(local_path.name, 'wb') as local:
                for piece in iter(lambda: stored.read(65536), b''):
                    size += local.write(piece)
                    if fails and size >= os.path.getsize(stored.name) / 2:
                        self._log('failed', name)
                        raise OSError(f'{name}: fails once')
                    if rate:
                        time.sleep(max(0, begun + size / rate - time.monotonic()))
            self._log('got', name)

        def _list(self):
            self._log('list')
            if self._control('nolist') is not None:
                raise BackendException('nobody may list this storage')
            return [name for name in os.listdir(os.fsencode(self.folder)) if not name.startswith(b'.')]

        def _delete(self, filename):
            os.unlink(os.path.join(self.folder, os.fsdecode(filename)))

        def _query(self, filename):
            if self._once('late', os.fsdecode(filename)):
                return {'size': -1}
            path = os.path.join(self.folder, os.fsdecode(filename))
            return {'size': os.path.getsize(path) if os.path.exists(path) else -1}

    backend.register_backend('odd', OddBackend)
    backend.register_backend('oddnet', OddBackend)
    backend.uses_netloc.append('oddnet')


class Finder(importlib.abc.MetaPathFinder):
    """Has the storage registered as soon as the host's module of backends is there."""

    def find_spec(self, name, path, target=None):
        if name != 'duplicity.backend':
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def execute_and_install(module):
            execute(module)
            sys.modules[name] = module
            install(module)
        spec.loader.exec_module = execute_and_install
        return spec


sys.meta_path.insert(0, Finder())
