"""What imapfs is compared with, as Debian ships it: mbsync, neomutt, libfuse's passthrough_ll.

Only what is needed to reach the server is set; everything else is left as it comes. SETTINGS is printed.
"""

import contextlib
import errno
import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import termios
import time

from benchrun import StepTimeout, end_group, timed
from mount import is_mounted

PASSTHROUGH_SOURCES = [pathlib.Path('/usr/share/doc/libfuse3-dev/examples/passthrough_ll.c'),
                       pathlib.Path('/usr/share/doc/fuse3/examples/passthrough_ll.c')]

MBSYNC = '''IMAPAccount bench
Host localhost
Port {port}
User alice
Pass "correct horse"
SSLType IMAPS
CertificateFile {ca_file}

IMAPStore far
Account bench

MaildirStore near
Path {directory}/
Inbox {directory}/INBOX

Channel bench
Far :far:Bench
Near :near:Bench
Create Near
Sync Pull
SyncState *
'''

NEOMUTT = '''set imap_user = "alice"
set imap_pass = "correct horse"
set certificate_file = "{ca_file}"
set ssl_ca_certificates_file = "{ca_file}"
set tmpdir = "{directory}"
'''
NEOMUTT_CACHE = 'set header_cache = "{directory}/headers/"\n'
NEOMUTT_PUSH = 'push <exit>'

SETTINGS = {'~/.mbsyncrc': MBSYNC.strip() + '\n\n"mbsync without FSync" adds the line\n\nFSync no',
            'neomutt (-n -F this -e "' + NEOMUTT_PUSH + '")':
                NEOMUTT.strip() + '\n\n"with header cache" adds the line\n\n' + NEOMUTT_CACHE.strip()}


class Mbsync:
    """One initial sync into a Maildir of its own, which stays until it is removed."""

    def __init__(self, line, scratch, fsync, compressed=False):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='mbsync.', dir=scratch))
        self.fsync = fsync
        port = line.compressed_port if compressed else line.port
        config = MBSYNC.format(port=port, ca_file=line.ca_files[port], directory=self.directory)
        self.config = self.directory / 'mbsyncrc'
        self.config.write_text(('' if fsync else 'FSync no\n\n') + config)

    def sync(self, seconds):
        env = {**os.environ, 'HOME': str(self.directory)}
        return timed(['mbsync', '-c', str(self.config), 'bench'], seconds, env=env)

    @property
    def mail(self):
        return self.directory / 'Bench'

    def n_messages(self):
        return sum(len(os.listdir(self.mail / name)) for name in ('cur', 'new'))

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)


class Neomutt:
    """A home with or without a header cache, in which neomutt opens the mailbox and leaves."""

    def __init__(self, line, scratch, header_cache):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='neomutt.', dir=scratch))
        self.port = line.port
        config = NEOMUTT + (NEOMUTT_CACHE if header_cache else '')
        for name in 'headers', 'Mail':  # it asks for what is missing
            (self.directory / name).mkdir()
        (self.directory / 'rc').write_text(config.format(ca_file=line.ca_file, directory=self.directory))

    def open(self, mailbox, n_messages, seconds):
        """Seconds from the start of neomutt to its end."""
        env = {**os.environ, 'HOME': str(self.directory), 'TERM': 'xterm', 'LC_ALL': 'C.UTF-8'}
        command = ['neomutt', '-n', '-F', str(self.directory / 'rc'), '-f',
                   f'imaps://alice@localhost:{self.port}/{mailbox}', '-e', NEOMUTT_PUSH]
        elapsed, status, screen = run_in_terminal(command, env, seconds)
        if status != 0 or re.search(rb'Msgs:%d\b' % n_messages, screen) is None:
            raise RuntimeError(f'neomutt ended with {status}: {screen[-300:]!r}')
        return elapsed

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)


def run_in_terminal(command, env, seconds):
    """(seconds, exit status, what it drew) of a program that wants a terminal."""
    terminal, inside = pty.openpty()
    termios.tcsetwinsize(inside, (40, 160))
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=inside, stdout=inside, stderr=inside, env=env, start_new_session=True,
                               preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(inside)
    screen = bytearray()
    try:
        while time.monotonic() - began < seconds:
            if select.select([terminal], [], [], 0.5)[0]:
                try:
                    screen += os.read(terminal, 65536)
                except OSError as error:
                    if error.errno != errno.EIO:
                        raise
                    status = process.wait(10)
                    return time.monotonic() - began, status, bytes(screen)
            del screen[:-200_000]
        raise StepTimeout(f'longer than {seconds} s')
    finally:
        if process.returncode is None:
            end_group(process)
        os.close(terminal)


def build_passthrough(directory):
    """The program, built from the example that libfuse's package carries; or why there is none."""
    source = next((path for path in PASSTHROUGH_SOURCES if path.exists()), None)
    if source is None:
        return None, 'no passthrough_ll.c in /usr/share/doc'
    program = directory / 'passthrough_ll'
    flags = subprocess.run(['pkg-config', '--cflags', '--libs', 'fuse3'], capture_output=True, text=True).stdout.split()
    done = subprocess.run(['cc', '-O2', str(source), '-o', str(program), f'-I{source.parent}', *flags],
                          capture_output=True, text=True, timeout=60)
    return (program, '') if done.returncode == 0 else (None, 'passthrough_ll.c does not compile')


@contextlib.contextmanager
def passthrough(program, source, scratch):
    """Mounts source a second time through passthrough_ll; yields the directory."""
    place = pathlib.Path(tempfile.mkdtemp(prefix='passthrough.', dir=scratch))
    process = subprocess.Popen([str(program), '-f', '-o', f'source={source}', str(place)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while not is_mounted(place):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError('passthrough_ll does not mount')
            time.sleep(0.002)
        yield place
    finally:
        subprocess.run(['fusermount3', '-u', str(place)], capture_output=True, timeout=10)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            process.wait(5)
        if is_mounted(place):
            subprocess.run(['fusermount3', '-uz', str(place)], capture_output=True, timeout=10)
        place.rmdir()


def versions():
    """What Debian calls the packages."""
    done = subprocess.run(['dpkg-query', '-W', '-f', '${Package} ${Version}, ', 'isync', 'neomutt', 'libfuse3-3',
                           'dovecot-imapd'], capture_output=True, text=True)
    return done.stdout.rstrip(', ')
