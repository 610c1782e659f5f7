"""The servers and the lines to them: at once, 50 ms away, and 50 ms away behind 100 Mbit/s.

Two Dovecots serve the same mail; the second offers COMPRESS=DEFLATE, which would otherwise be used by some and not by
others, and would make the narrow line a different one for each.
"""

import netproxy
import samplemail
from mailserver import Dovecot
import benchmail

ROUND_TRIP_MS = 50
NARROW_BYTES = 12_500_000  # a second: 100 Mbit/s


class Line:
    """How to reach the servers. Without delay nothing stands between: a proxy would cost more than the line."""

    def __init__(self, key, title, delay_ms, rate, servers, stack):
        self.key, self.title, self.round_trip, self.rate = key, title, 2 * delay_ms / 1000, rate
        self.ca_file = servers[0].ca_file
        self.proxies = [stack.enter_context(netproxy.Proxy(server.imaps_port, delay_ms=delay_ms, rate=rate))
                        if delay_ms else None for server in servers]
        self.port, self.compressed_port = [
            proxy.port if proxy else server.imaps_port for proxy, server in zip(self.proxies, servers)]
        self.ca_files = {self.port: servers[0].ca_file, self.compressed_port: servers[1].ca_file}
        self.proxy = self.proxies[0]


class Bench:
    """The mail, the servers and the lines of one run."""

    def __init__(self, scratch, stack, quick):
        self.scratch, self.quick = scratch, quick
        self.n_messages, self.n_listed = (1_000, 10_000) if quick else (10_000, 100_000)
        self.server = Dovecot(scratch / 'server')
        stack.callback(self.server.kill)
        self.sizes = []
        self.server.deliver('Bench', self.counted(benchmail.messages(self.n_messages)))
        self.server.deliver('Many', samplemail.many(self.n_listed))
        content, date = samplemail.Writer().big(samplemail.BIG_BYTES)
        self.server.deliver('Big', [(content, date, 'S')])
        self.server.start()
        self.compressing = Dovecot(scratch / 'compressing', compress=True,
                                   extra=f'mail_location = maildir:{self.server.directory}/mail/%u\n')
        stack.callback(self.compressing.kill)
        self.compressing.start()
        servers = self.server, self.compressing
        half = ROUND_TRIP_MS / 2
        self.lines = [Line('0', '0 ms', 0, 0, servers, stack),
                      Line('50', f'{ROUND_TRIP_MS} ms', half, 0, servers, stack),
                      Line('narrow', f'{ROUND_TRIP_MS} ms, 100 Mbit/s', half, NARROW_BYTES, servers, stack)]

    def counted(self, messages):
        for message in messages:
            self.sizes.append(len(message[0]) + message[0].count(b'\n'))
            yield message

    @property
    def maildir(self):
        return self.server.maildir('Bench') / 'cur'
