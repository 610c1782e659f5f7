"""A scripted server on loopback: it says what no real server can be made to say. A script decides about every byte:

    def script(connection):
        connection.send('* OK hello')
        tag = connection.expect(r'(\\S+) CAPABILITY').group(1)
        connection.send('* CAPABILITY IMAP4rev1', f'{tag} OK done')
        connection.drop()

    with FakeServer(script) as server: ...     server.port; errors of the script come out at the end of `with`

For a whole IMAP server of which one thing is wrong see fakeserver.py.
"""

import contextlib
import pathlib
import re
import select
import shutil
import socket
import ssl
import struct
import tempfile
import threading
import time

import mailserver

CRLF = b'\r\n'
READ_SECONDS = 30  # a script that waits longer for the client has failed


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


class Dropped(Exception):
    """The connection is over, on either side's wish. Not a failure of the script."""


class Connection:
    """One client, as a script sees it."""

    def __init__(self, server, sock, number):
        self.server, self.socket, self.number = server, sock, number
        self.buffer = b''
        self.tls = False

    def write(self, data):
        """Sends bytes as they are."""
        try:
            self.socket.sendall(as_bytes(data))
        except OSError as error:
            raise Dropped from error

    def send(self, *lines):
        """Sends lines, all in one piece."""
        self.write(b''.join(as_bytes(line) + CRLF for line in lines))

    def trickle(self, data, n_bytes=1, seconds=0.001):
        """Sends data in small pieces with pauses between them."""
        for start in range(0, len(data), n_bytes):
            self.write(data[start:start + n_bytes])
            time.sleep(seconds)

    def more(self):
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            raise AssertionError(f'the client sends nothing for {READ_SECONDS} s') from None
        except OSError as error:
            raise Dropped from error
        if not data:
            raise Dropped
        self.buffer += data

    def read_line(self):
        """The next line, without its CRLF."""
        while CRLF not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(CRLF, 1)
        return line

    def read_bytes(self, length):
        while len(self.buffer) < length:
            self.more()
        data, self.buffer = self.buffer[:length], self.buffer[length:]
        return data

    def expect(self, pattern):
        """Reads a line that matches all of pattern, and returns the match (of str)."""
        line = self.read_line().decode('utf-8', 'surrogateescape')
        match = re.fullmatch(pattern, line)
        assert match, f'expected {pattern!r}, the client sent {line!r}'
        return match

    def read_command(self):
        """The next command with its literals inside, as (tag, NAME, arguments as bytes)."""
        text = self.read_line()
        while found := re.search(rb'~?\{(\d+)(\+?)\}$', text):
            if not found.group(2):
                self.send('+ go on')
            text += CRLF + self.read_bytes(int(found.group(1))) + self.read_line()
        tag, _, rest = text.partition(b' ')
        name, _, arguments = rest.partition(b' ')
        if name.upper() == b'UID':
            verb, _, arguments = arguments.partition(b' ')
            name = b'UID ' + verb
        return tag.decode(errors='replace'), name.decode(errors='replace').upper(), arguments

    def start_tls(self, certificate='server'):
        self.server.make_certificates()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        stem = str(self.server.tls_directory / certificate)
        context.load_cert_chain(stem + '.crt', stem + '.key')
        try:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        except OSError as error:
            raise Dropped from error
        self.tls = True

    def wait_readable(self, seconds):
        """Whether the client has sent something, after waiting that long at most."""
        if self.buffer or (self.tls and self.socket.pending()):
            return True
        return bool(select.select([self.socket], [], [], seconds)[0])

    def stall(self, seconds=3600):
        """Says nothing and reads nothing, until the server is stopped."""
        self.server.stopping.wait(seconds)

    def drop(self, reset=False):
        """Ends the connection at once, with FIN or RST."""
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()
        raise Dropped


class FakeServer:
    """Runs script(connection) in a thread for each connection. tls is None, 'implicit' or 'starttls'.

    script may also be a list: the first connection gets the first one, and so on; the last one gets the rest.
    """

    def __init__(self, script, tls=None, certificate='server'):
        self.scripts = script if isinstance(script, list) else [script]
        self.tls, self.certificate = tls, certificate
        self.errors, self.connections, self.threads = [], [], []
        self.stopping = threading.Event()
        self.tls_directory = None
        self.tls_lock = threading.Lock()
        if tls:
            self.make_certificates()
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def make_certificates(self):
        with self.tls_lock:
            if self.tls_directory is None:
                directory = pathlib.Path(tempfile.mkdtemp(prefix='imapfs-fake.'))
                mailserver.make_certificates(directory)
                self.tls_directory = directory

    @property
    def ca_file(self):
        return str(self.tls_directory / 'ca.crt')

    def url(self, user='alice'):
        return f'{"imaps" if self.tls == "implicit" else "imap"}://{user}@127.0.0.1:{self.port}'

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(READ_SECONDS)
                connection = Connection(self, sock, len(self.connections) + 1)
                self.connections.append(connection)
                thread = threading.Thread(target=self.serve, args=(connection,), daemon=True)
                self.threads.append(thread)
                thread.start()

    def serve(self, connection):
        script = self.scripts[min(connection.number, len(self.scripts)) - 1]
        try:
            if self.tls == 'implicit':
                connection.start_tls(self.certificate)
            script(connection)
        except Dropped:
            pass
        except Exception as error:  # whatever went wrong in a script is the test's to report
            if not self.stopping.is_set():
                self.errors.append(error)
        finally:
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
            connection.socket.close()

    def stop_listening(self):
        """New connections are refused from now on; those that exist stay."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def listen_again(self):
        self.listener = socket.create_server(('127.0.0.1', self.port), backlog=64)
        threading.Thread(target=self.accept, daemon=True).start()

    def drop_all(self):
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self.stopping.set()
        self.stop_listening()
        self.drop_all()
        for thread in self.threads:
            thread.join(5)
        if self.tls_directory:
            shutil.rmtree(self.tls_directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.stop()
        if self.errors and kind is None:
            raise self.errors[0]
