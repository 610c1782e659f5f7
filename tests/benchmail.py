"""Mail for the benchmark: sizes as a mailbox of years has them, the same each time.

Sizes are log-normal, median 4 KB: half of the messages are smaller, a few have hundreds of KB. Every 2,500th has one to
four MB on top of that. Short ones are text in words, long ones mostly an attachment in base64, which compresses badly.
Every 100th contains NEEDLE once, in a line of its own, which is what grep looks for.
"""

import base64
import datetime
import random

from samplemail import PEOPLE, SUBJECTS, encoded_words, rfc822_date

MEDIAN_BYTES = 4096
SIGMA = 1.3  # of the logarithm: 10,000 messages are about 100 MB
NEEDLE = 'xyzzy-imapfs-needle'
NEEDLE_EVERY = 100
LARGE_EVERY = 2500

WORDS = ('the of and to in is that for it with as was on be by this are we you our from have at not will your please '
         'meeting budget invoice tomorrow attached regards project Thursday review draft numbers question answer '
         'server release account report customer contract schedule thanks hello version change problem team office '
         'delivery payment quarter travel booking ticket number reply list patch review morning weekend').split()


class BenchWriter:
    """Makes one message after another; all chance comes from its seed."""

    def __init__(self, seed=2026):
        self.random = random.Random(seed)
        self.text = self.make_text(400_000)
        fields = [(encoded_words(name, 'utf-8') + b' <' + address.encode() + b'>', encoded_words(subject, 'utf-8'))
                  for (name, address, _) in PEOPLE for (subject, _) in SUBJECTS]
        self.fields = fields

    def make_text(self, n_bytes):
        lines, length = [], 0
        while length < n_bytes:
            line = ' '.join(self.random.choices(WORDS, k=self.random.randrange(4, 13))).encode() + b'\n'
            lines.append(line)
            length += len(line)
        return b''.join(lines)

    def size(self, number):
        size = int(self.random.lognormvariate(0, SIGMA) * MEDIAN_BYTES)
        if number % LARGE_EVERY == 700:
            size += self.random.randrange(1_000_000, 4_000_000)
        return max(size, 700)

    def words(self, n_bytes):
        """About n_bytes of whole lines."""
        pieces = []
        while n_bytes > 0:
            start = self.text.index(b'\n', self.random.randrange(len(self.text) // 2)) + 1
            end = self.text.rindex(b'\n', start, start + min(n_bytes, 100_000) + 100) + 1
            pieces.append(self.text[start:end])
            n_bytes -= end - start
        return b''.join(pieces)

    def attachment(self, n_bytes):
        text = base64.b64encode(self.random.randbytes(n_bytes * 57 // 77))
        return b'\n'.join(text[i:i + 76] for i in range(0, len(text), 76)) + b'\n'

    def message(self, number, date):
        size = self.size(number)
        sender, subject = self.random.choice(self.fields)
        head = (b'Return-Path: <list@example.org>\nReceived: from mx.example.org (mx.example.org [192.0.2.1])\n'
                b'\tby mail.example.org with ESMTPS id %08x for <alice@example.org>; %s\n'
                b'Date: %s\nFrom: %s\nTo: "Alice" <alice@example.org>\nSubject: %s\n'
                b'Message-ID: <%d.%08x@bench.example.org>\nMIME-Version: 1.0\n' % (
                    self.random.getrandbits(32), rfc822_date(date), rfc822_date(date), sender, subject, number,
                    self.random.getrandbits(32)))
        needle = NEEDLE.encode() + b'\n' if number % NEEDLE_EVERY == 7 else b''
        if size < 20_000:
            return head + b'Content-Type: text/plain; charset=us-ascii\n\n' + self.words(size - len(head)) + needle
        return (head + b'Content-Type: multipart/mixed; boundary="=_bench"\n\n--=_bench\nContent-Type: text/plain\n\n'
                + self.words(3_000) + needle + b'--=_bench\nContent-Type: application/pdf\n'
                b'Content-Transfer-Encoding: base64\n\n' + self.attachment(size - 4_000) + b'--=_bench--\n')


def messages(n_messages, seed=2026):
    """Yields (bytes, date, flags) for Dovecot.deliver, oldest first."""
    writer = BenchWriter(seed)
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    for number in range(n_messages):
        date = start + datetime.timedelta(seconds=number * 7000 + writer.random.randrange(7000))
        yield writer.message(number, date), date, 'S' if number % 3 else ''


def uniform(n_messages, n_bytes, seed=1):
    """Yields n_messages of nearly n_bytes each, to count instructions per message and per byte."""
    writer = BenchWriter(seed)
    writer.size = lambda number: n_bytes
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    for number in range(n_messages):
        date = start + datetime.timedelta(minutes=number)
        yield writer.message(number, date), date, 'S'


def n_needles(n_messages):
    return len(range(7, n_messages, NEEDLE_EVERY))


def describe(sizes):
    """One sentence about a list of sizes in bytes."""
    sizes = sorted(sizes)
    count = len(sizes)
    return (f'{count:,} messages, {sum(sizes) / 1e6:.1f} MB: median {sizes[count // 2] / 1e3:.1f} KB, '
            f'90 % below {sizes[count * 9 // 10] / 1e3:.0f} KB, {sum(size > 1e5 for size in sizes)} above 100 KB, '
            f'largest {sizes[-1] / 1e6:.1f} MB')
