"""Mounting with the imapfs daemon under test, and never leaving anything behind.

    class TestReading(MountTestCase):
        def test_something(self):
            server = self.enter(mailserver.Dovecot())
            mount = self.mount(server, 'ro')
            self.assertIn('INBOX', mount.listdir())

Every test has a time limit. When it is over, a watchdog kills the daemon: that ends every system call that waits for
it, which nothing else does for certain. A test fails if the daemon said anything that looks like a warning, unless it
is announced with mount.expect(pattern).

$IMAPFS is the daemon, by default build/imapfs beside the sources.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import unittest

import processes
from timed import (SLOWNESS, Background, CallTimeout, TimedTestCase, call, emergencies, main,  # noqa: F401
                   wait_until)

PROGRAM = os.path.abspath(os.environ.get('IMAPFS') or pathlib.Path(__file__).parent.parent / 'build' / 'imapfs')

WARNINGS = re.compile(r'WARNING|CRITICAL|\*\* ERROR|ERROR: \w+Sanitizer|runtime error|ThreadSanitizer|'
                      r'Assertion .* failed|fatal error', re.I)

SANITIZER_OPTIONS = {
    'ASAN_OPTIONS': 'detect_leaks=1:detect_stack_use_after_return=1',
    'UBSAN_OPTIONS': 'print_stacktrace=1',
    'TSAN_OPTIONS': 'halt_on_error=0:second_deadlock_stack=1:suppressions='
                    + str(pathlib.Path(__file__).resolve().parent / 'tsan.supp'),
}


def require_fuse():
    """Skips the test, saying why, where nothing can be mounted; fails instead when IMAPFS_REQUIRE_FUSE is set."""
    reason = None
    if not os.access('/dev/fuse', os.R_OK | os.W_OK):
        reason = '/dev/fuse is not accessible to this user'
    elif shutil.which('fusermount3') is None:
        reason = 'fusermount3 is not installed'
    elif not os.access(PROGRAM, os.X_OK):
        raise RuntimeError(f'{PROGRAM} is not there: build it, or set IMAPFS')
    if reason and os.environ.get('IMAPFS_REQUIRE_FUSE'):
        raise RuntimeError(reason)
    if reason:
        raise unittest.SkipTest(reason)


def is_mounted(path):
    """Whether something is mounted at path, without touching it: a dead daemon would make that hang."""
    wanted = os.fsencode(str(path))
    with open('/proc/self/mountinfo', 'rb') as table:
        for line in table:
            place = re.sub(rb'\\(\d{3})', lambda found: bytes([int(found.group(1), 8)]), line.split()[4])
            if place == wanted:
                return True
    return False


class Mount:
    """One mounted account.

    url            imaps://alice@127.0.0.1:1234
    options        for -o, such as 'ro', 'connections=2'
    password       given in a password_file by default; password_by: 'file', 'fd', 'command' or None
    config         text of $XDG_CONFIG_HOME/imapfs/config; url may then be the name of an account
    foreground     False: the daemon detaches, as it does for users; its log is then not seen
    home           directory of the caches and the configuration, to be used again by a later Mount
    """

    def __init__(self, url, *options, password='correct horse', password_by='file', ca_file=None, config=None,
                 env=None, foreground=True, arguments=(), home=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='imapfs-mount.'))
        self.path = self.directory / 'mnt'
        self.path.mkdir()
        self.home = pathlib.Path(home) if home else self.directory / 'home'
        self.log_file = self.directory / 'stderr'
        self.url, self.foreground = url, foreground
        self.process, self.pid, self.expected = None, None, []
        self.pass_fds, self.stdin_fd = [], None
        self.prepare_home(config)
        self.env = self.environment(env or {})
        self.options = list(options)
        if ca_file:
            self.options.append(f'ca_file={ca_file}')
        self.give_password(password, password_by)
        self.arguments = list(arguments)

    def prepare_home(self, config):
        for name in ('cache', 'config/imapfs', 'run'):
            (self.home / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        if config is not None:
            (self.home / 'config/imapfs/config').write_text(config)

    def environment(self, changes):
        env = {**SANITIZER_OPTIONS, **os.environ, 'HOME': str(self.home), 'XDG_CACHE_HOME': str(self.home / 'cache'),
               'XDG_CONFIG_HOME': str(self.home / 'config'), 'XDG_RUNTIME_DIR': str(self.home / 'run')}
        env.pop('IMAPFS_PASSWORD_FD', None)
        env.update(changes)
        return env

    def give_password(self, password, how):
        if password is None or how is None:
            return
        if how == 'fd':
            read_end, write_end = os.pipe()
            os.write(write_end, password.encode() + b'\n')
            os.close(write_end)
            self.pass_fds.append(read_end)
            self.env['IMAPFS_PASSWORD_FD'] = str(read_end)
            return
        file = self.directory / 'password'
        file.write_text(password + '\n')
        file.chmod(0o600)
        self.options.append(f'password_file={file}' if how == 'file' else f'password_command=cat {file}')

    def command(self):
        return [PROGRAM, *(['-f'] if self.foreground else []), *self.arguments,
                *(['-o', ','.join(self.options)] if self.options else []), self.url, str(self.path)]

    # --- start and end ---

    def start(self, seconds=20):
        """Mounts, and waits until that is done."""
        self.spawn()
        if not self.foreground:
            status = self.process.wait(seconds * SLOWNESS)
            self.pid = self.find_daemon()
            if status != 0 or not is_mounted(self.path):
                raise RuntimeError(f'imapfs ended with {status} and did not mount:\n{self.log()}')
            return self
        self.pid = self.process.pid
        if not wait_until(lambda: is_mounted(self.path) or self.process.poll() is not None, seconds) \
                or not is_mounted(self.path):
            status = self.process.poll()
            self.force()
            raise RuntimeError(f'imapfs did not mount ({"no exit" if status is None else status}):\n{self.log()}')
        return self

    def spawn(self):
        live_mounts.add(self)
        with open(self.log_file, 'ab') as log:
            self.process = subprocess.Popen(self.command(), env=self.env, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, pass_fds=self.pass_fds, cwd=self.directory)
        for fd in self.pass_fds:
            os.close(fd)
        self.pass_fds = []

    def find_daemon(self):
        """The process that has this mount point on its command line."""
        for entry in os.listdir('/proc'):
            with contextlib.suppress(OSError):
                if entry.isdigit() and os.fsencode(str(self.path)) in \
                        pathlib.Path('/proc', entry, 'cmdline').read_bytes().split(b'\0'):
                    return int(entry)
        return None

    def expect_failure(self, seconds=20):
        """Starts what must not succeed; returns (exit status, what it said on stderr)."""
        self.spawn()
        try:
            status = self.process.wait(seconds * SLOWNESS)
            if is_mounted(self.path):
                raise AssertionError('it mounted all the same')
        finally:
            self.force()
        return status, self.log()

    def alive(self):
        if self.process.poll() is None:
            return True
        return not self.foreground and self.pid is not None and processes.command_name(self.pid) != ''

    def unmount(self, seconds=20):
        """fusermount3 -u, and the daemon must end by itself, with 0. Returns nothing; raises what went wrong."""
        try:
            done = subprocess.run(['fusermount3', '-u', str(self.path)], capture_output=True, text=True,
                                  timeout=seconds * SLOWNESS)
            if done.returncode != 0:
                raise AssertionError(f'fusermount3 -u: {done.stderr.strip()}')
            if not wait_until(lambda: not self.alive(), seconds):
                raise AssertionError('the daemon is still there after fusermount3 -u')
            if self.foreground and self.process.returncode != 0:
                raise AssertionError(f'the daemon ended with {self.process.returncode}:\n{self.log()}')
        finally:
            self.force()
        self.check_log()

    def terminate(self, seconds=20):
        """SIGTERM; the daemon must unmount and end by itself."""
        try:
            os.kill(self.pid, signal.SIGTERM)
            if not wait_until(lambda: not self.alive() and not is_mounted(self.path), seconds):
                raise AssertionError('SIGTERM does not end the daemon')
        finally:
            self.force()
        self.check_log()

    def kill(self):
        """SIGKILL, as a crash would: nothing is flushed. If one of its threads was telling the kernel of an entry of a
        directory that somebody waits to have synced, it cannot end before the connection is aborted."""
        os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.force()

    def force(self):
        """Whatever it takes: kill the daemon, unmount lazily. Safe to repeat, and from the watchdog's thread."""
        for pid in {self.pid, self.process.pid if self.process and self.process.returncode is None else None} - {None}:
            if self.is_ours(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
        if is_mounted(self.path) and os.geteuid() == 0:  # ends every call that still waits, whatever threads do
            subprocess.run(['umount', '-f', str(self.path)], capture_output=True, timeout=10)
        if is_mounted(self.path):
            subprocess.run(['fusermount3', '-uz', str(self.path)], capture_output=True, timeout=10)
        live_mounts.discard(self)

    def is_ours(self, pid):
        try:
            return os.fsencode(str(self.path)) in pathlib.Path(f'/proc/{pid}/cmdline').read_bytes()
        except OSError:
            return False

    def remove(self):
        self.force()
        if not is_mounted(self.path):
            shutil.rmtree(self.directory, ignore_errors=True)

    # --- what it says ---

    def log(self):
        return self.log_file.read_text(errors='replace') if self.log_file.exists() else ''

    def expect(self, pattern):
        """Lines of the log that match are no failure, though they look like a warning."""
        self.expected.append(re.compile(pattern))

    def check_log(self):
        bad = [line for line in self.log().splitlines()
               if WARNINGS.search(line) and not any(pattern.search(line) for pattern in self.expected)]
        if bad:
            raise AssertionError('the daemon warns:\n' + '\n'.join(bad[:5]) + '\n--- all of it:\n' + self.log()[-20000:])

    def status(self):
        """.imapfs/status as {name: value}."""
        text = self.read('.imapfs/status').decode()
        return dict(line.split(': ', 1) for line in text.splitlines() if ': ' in line)

    def resident_bytes(self):
        text = pathlib.Path(f'/proc/{self.pid}/status').read_text()
        return int(re.search(r'VmRSS:\s+(\d+) kB', text).group(1)) * 1024

    # --- the file system, each call in a child process with a time limit ---

    def listdir(self, path='.', seconds=20):
        return call(os.listdir, self.path / path, seconds=seconds)

    def stat(self, path='.', seconds=20):
        return call(os.lstat, self.path / path, seconds=seconds)

    def read(self, path, seconds=20):
        return call(read_file, self.path / path, seconds=seconds)

    def read_at(self, path, offset, length, seconds=20):
        return call(read_file, self.path / path, offset, length, seconds=seconds)

    def run(self, command, seconds=20, check=True):
        """A shell command in the mount point; returns its stdout, or with check=False (status, stdout, stderr)."""
        result = self.background(command).finish(seconds)
        if not check:
            return result
        status, out, err = result
        if status != 0:
            raise AssertionError(f'{command} ended with {status}: {err.strip()}\n{self.log()[-5000:]}')
        return out

    def background(self, command):
        return Background(command, self.path)

    def files(self, path='.', seconds=20):
        """{name: os.stat_result} of the regular files in a directory."""
        return call(stat_files, self.path / path, seconds=seconds)

    def contents(self, path='.', seconds=60):
        """{name: bytes} of the regular files in a directory."""
        return call(read_files, self.path / path, seconds=seconds)

    def tree(self, seconds=60):
        """Every mailbox directory, relative to the mount point."""
        return call(walk_directories, self.path, seconds=seconds)


def read_file(path, offset=0, length=None):
    """Reads straight from the kernel, in pieces of 128 KiB; without a length, up to the end."""
    pieces = []
    fd = os.open(path, os.O_RDONLY)
    try:
        while length is None or length > 0:
            piece = os.pread(fd, min(length or 131072, 131072), offset)
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
            length = None if length is None else length - len(piece)
    finally:
        os.close(fd)
    return b''.join(pieces)


def stat_files(path):
    with os.scandir(path) as entries:
        return {entry.name: found for entry in entries
                if stat.S_ISREG((found := entry.stat(follow_symlinks=False)).st_mode)}


def read_files(path):
    return {name: read_file(os.path.join(path, name)) for name in stat_files(path)}


def walk_directories(path):
    return sorted(os.path.relpath(directory, path) for directory, _, _ in os.walk(path))


# --- tests ---

live_mounts = set()


def free_mounts():
    """Kills every daemon: that ends each system call that waits for it, which nothing else does for certain."""
    for mount in list(live_mounts):
        print(f'--- log of {mount.url}:\n{mount.log()[-5000:]}', file=sys.stderr)
        mount.force()


emergencies.append(free_mounts)


class MountTestCase(TimedTestCase):
    """A test that mounts. What it mounts is unmounted at its end, the polite way, which must work.

    quiet: nothing goes over the line that the test has not asked for (poll=0), so that it can count.
    """

    quiet = False

    @classmethod
    def setUpClass(cls):
        require_fuse()

    def new_mount(self, target, *options, user='alice', tls=None, port=None, **keywords):
        """A Mount of a server (Dovecot, Imap) or URL, not started. port: of a proxy in front of the server."""
        url = target
        if not isinstance(target, str):
            url = target.url(user, tls, port) if hasattr(target, 'imap_port') else target.url(user)
            if port and not hasattr(target, 'imap_port'):
                url = re.sub(r':\d+$', f':{port}', url)
            passwords = getattr(target, 'users', None) or getattr(target, 'passwords', {})
            keywords.setdefault('password', passwords.get(user))
            if target.tls and tls != 'none':
                keywords.setdefault('ca_file', target.ca_file)
            else:
                options += ('tls=none',)
        if self.quiet:
            options = ('poll=0', *options)
        mount = Mount(url, *options, **keywords)
        self.addCleanup(self.finish_mount, mount)
        return mount

    def mount(self, target, *options, **keywords):
        return self.new_mount(target, *options, **keywords).start()

    def finish_mount(self, mount):
        try:
            if mount.process is not None and is_mounted(mount.path):
                mount.unmount()
            elif mount.process is not None:
                mount.force()
                mount.check_log()
        finally:
            mount.remove()
