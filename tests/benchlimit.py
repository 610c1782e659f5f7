"""The protocol's practical limit: a client that asks for everything with one command and throws the answer away.

It decrypts (OpenSSL, through ssl) and counts, and looks at nothing but the end of what has come, for the tagged line.
"""

import base64
import contextlib
import socket
import ssl
import time
import zlib

BUFFER_BYTES = 1 << 20


class LimitClient:
    """A logged-in connection; login is not what is measured."""

    def __init__(self, port, ca_file, user='alice', password='correct horse', seconds=60):
        connection = socket.create_connection(('127.0.0.1', port), timeout=seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = ssl.create_default_context(cafile=ca_file)
        self.socket = context.wrap_socket(connection, server_hostname='127.0.0.1')
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
        self.number = 0
        self.inflater = self.deflater = None
        self.socket.recv_into(self.buffer)  # the greeting
        plain = base64.b64encode(f'\0{user}\0{password}'.encode()).decode()
        self.command(f'AUTHENTICATE PLAIN {plain}')

    def compress(self):
        """COMPRESS=DEFLATE (RFC 4978)."""
        self.command('COMPRESS DEFLATE')
        self.inflater, self.deflater = zlib.decompressobj(-15), zlib.compressobj(wbits=-15)

    def command(self, *commands):
        """Sends commands at once and waits for the last one's tagged OK. Returns how many bytes came."""
        lines = b''
        for command in commands:
            self.number += 1
            lines += b'limit%d %s\r\n' % (self.number, command.encode())
        if self.deflater:
            lines = self.deflater.compress(lines) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(lines)
        return self.count_until(b'\r\nlimit%d ' % self.number)

    def count_until(self, tag):
        buffer, end, n_bytes = self.buffer, b'\r\n', 0
        while True:
            length = self.socket.recv_into(buffer)
            if length == 0:
                raise RuntimeError('the server closed the connection')
            n_bytes += length
            if self.inflater:
                # nothing but the end is looked at here either, but it must be inflated to be seen
                end += self.inflater.decompress(buffer[:length])
            else:
                end += bytes(buffer[max(0, length - 2000):length])
            end = end[-2000:]
            if end.endswith(b'\r\n') and tag in end:
                if tag + b'OK' not in end:
                    raise RuntimeError(f'the server says {end[end.index(tag):].decode(errors="replace")}')
                return n_bytes

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.close()


def stream(port, ca_file, mailbox, items, uids='1:*', compressed=False, seconds=60):
    """(seconds, bytes on the line above TLS) of EXAMINE and UID FETCH, sent together on a logged-in connection."""
    client = LimitClient(port, ca_file, seconds=seconds)
    try:
        if compressed:
            client.compress()
        began = time.monotonic()
        n_bytes = client.command(f'EXAMINE "{mailbox}"', f'UID FETCH {uids} {items}')
        return time.monotonic() - began, n_bytes
    finally:
        client.close()
