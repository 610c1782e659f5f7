#!/usr/bin/python3
"""Sample mail: the same few hundred varied messages each time, in nested mailboxes with names in many scripts.

    for mailbox, content, date, flags in messages(): ...    mailbox is a tuple of names, flags are Maildir's letters
    deliver(server)                                         puts all of it into a mailserver.Dovecot
    many(10_000)                                            small messages for one large mailbox

Contents have LF line ends, as a Maildir stores them.
"""

import base64
import datetime
import itertools
import quopri
import random

BIG_BYTES = 30_000_000
BIG_MAILBOX = ('Archive', '2026')
BIG_SUBJECT = 'The whole video in one message'

# (name, address, charset of the old days in which it can be written)
PEOPLE = [
    ('Alice Smith', 'alice@example.org', 'us-ascii'),
    ('José Núñez Peña', 'jose@example.es', 'iso-8859-1'),
    ('Zoë Müller-Weiß', 'zoe@example.de', 'iso-8859-15'),
    ('Łukasz Żółć', 'lukasz@example.pl', 'iso-8859-2'),
    ('Γιώργος Παπαδόπουλος', 'giorgos@example.gr', 'iso-8859-7'),
    ('Наталья Иванова', 'natalya@example.ru', 'koi8-r'),
    ('Олександр Шевченко', 'oleksandr@example.ua', 'windows-1251'),
    ('محمد الأحمد', 'mohammed@example.com', 'windows-1256'),
    ('שרה כהן', 'sarah@example.il', 'windows-1255'),
    ('王小明', 'wang@example.cn', 'gb2312'),
    ('陳大文', 'chan@example.hk', 'big5'),
    ('山田太郎', 'yamada@example.jp', 'iso-2022-jp'),
    ('김철수', 'kim@example.kr', 'euc-kr'),
    ('สมชาย ใจดี', 'somchai@example.th', 'tis-620'),
    ('Priya 🌸 प्रिया', 'priya@example.in', 'utf-8'),
]

SUBJECTS = [
    ('Budget for 2027', 'us-ascii'), ('Re: Budget for 2027', 'us-ascii'), ('Minutes of the meeting', 'us-ascii'),
    ('Invoice 2024-117: payment due', 'us-ascii'), ('Café crème à Besançon', 'iso-8859-1'),
    ('Grüße aus Köln, schöne Überraschung', 'iso-8859-15'), ('Zażółć gęślą jaźń', 'iso-8859-2'),
    ('Πρόσκληση για το Σάββατο', 'iso-8859-7'), ('Отчёт за третий квартал', 'koi8-r'),
    ('Рахунок на оплату', 'windows-1251'), ('دعوة إلى الاجتماع', 'windows-1256'), ('הזמנה לפגישה', 'windows-1255'),
    ('会议记录和下周的计划', 'gb2312'), ('關於明天的會議', 'big5'), ('来週の会議について', 'iso-2022-jp'),
    ('회의 자료를 보내 드립니다', 'euc-kr'), ('🎉 Happy birthday! 🎂🥳', 'utf-8'),
    ('Fwd: [list] patch: fix off-by-one in reader', 'us-ascii'), ('ใบแจ้งหนี้', 'tis-620'),
]

BODIES = [
    'Hello,\n\nplease find the numbers below. The invoice is attached.\n\nBest regards\n',
    'Bonjour,\n\nla réunion est déplacée à mardi. À bientôt,\nJosé\n',
    'Hallo zusammen,\n\nanbei die Unterlagen für die Brücke. Viele Grüße\n',
    'Добрый день!\n\nОтчёт во вложении. С уважением,\nНаталья\n',
    'Καλημέρα,\n\nτα λέμε το Σάββατο.\n', 'مرحبا،\n\nنلتقي غدا في المكتب.\n', 'שלום,\n\nנתראה מחר.\n',
    '大家好,\n\n会议改到星期三下午三点。\n', 'お世話になっております。\n\n資料をお送りします。\n',
    'Hi! 👋\n\nSee you at the 🎸 concert.\n-- \nsent from a phone\n',
    'From the beginning of a line, and\n.\na dot alone.\n\n> quoted\n>> twice\n\n' + 'A long line. ' * 90 + '\n',
]

# Mailboxes that get their share of the varied messages. `Archive` and `旅行` themselves do not exist.
MAILBOXES = [
    ('INBOX',), ('INBOX',), ('INBOX',), ('Archive', '2024'), ('Archive', '2025'), ('Archive', '2025', 'Q4'),
    ('Projects',), ('Projects', 'R&D'), ('Projects', 'Brücke über den Fluß'), ('Семья',), ('Семья', 'Фотографии'),
    ('Ελλάδα',), ('旅行', '東京'), ('工作', '会议记录'), ('عائلة',), ('עבודה',), ('🎉 Party',), ('Sent',),
    ('Rabatt 50% "heute" *',),
]
EMPTY_MAILBOX = ('Projects', 'Nothing yet')


def wrapped_base64(data):
    text = base64.b64encode(data)
    return b'\n'.join(text[i:i + 76] for i in range(0, len(text), 76)) + b'\n'


def encoded_words(text, charset, quoted=False):
    """RFC 2047: text in encoded words of at most 75 characters, folded."""
    if charset == 'us-ascii':
        return text.encode()
    words, rest = [], text
    while rest:
        length = len(rest)
        while True:
            data = rest[:length].encode(charset, 'replace')
            if quoted:
                inner = b''.join(b'%c' % c if 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122 else
                                 b'_' if c == 32 else b'=%02X' % c for c in data)
            else:
                inner = base64.b64encode(data)
            word = b'=?%s?%s?%s?=' % (charset.encode(), b'Q' if quoted else b'B', inner)
            if len(word) <= 75:
                break
            length -= 1
        words.append(word)
        rest = rest[length:]
    return b'\n '.join(words)


def rfc822_date(date):
    days, months = 'Mon Tue Wed Thu Fri Sat Sun'.split(), \
        'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split()
    return (f'{days[date.weekday()]}, {date.day} {months[date.month - 1]} {date.year} '
            f'{date:%H:%M:%S %z}').encode()


class Writer:
    """Makes one message after another; all chance comes from its seed."""

    def __init__(self, seed=2026):
        self.random = random.Random(seed)
        self.number = 0

    def date(self):
        start = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
        zone = datetime.timezone(datetime.timedelta(minutes=self.random.choice([0, 60, 120, -300, 330, 540])))
        return (start + datetime.timedelta(seconds=self.random.randrange(1020 * 86400))).astimezone(zone)

    def flags(self):
        return self.random.choice(['', 'S', 'S', 'S', 'RS', 'FS', 'F'])

    def headers(self, date, sender=None, subject=None):
        """The usual header fields, in a form drawn by lot: encoded words of either kind, or raw UTF-8."""
        self.number += 1
        name, address, charset = sender or self.random.choice(PEOPLE)
        subject, subject_charset = subject or self.random.choice(SUBJECTS)
        form = self.random.choice(['base64', 'quoted', 'utf-8', 'raw'])
        if form == 'raw':
            name_bytes, subject_bytes = name.encode(), subject.encode()
        else:
            if form == 'utf-8':
                charset = subject_charset = 'utf-8'
            quoted = form == 'quoted' and charset != 'iso-2022-jp'
            name_bytes = encoded_words(name, charset, quoted)
            subject_bytes = encoded_words(subject, subject_charset, form == 'quoted')
        if name_bytes.isascii() and b'=?' not in name_bytes or form == 'raw':
            name_bytes = b'"' + name_bytes + b'"'
        return (b'Return-Path: <%s>\nDate: %s\nFrom: %s <%s>\nTo: "Alice" <alice@example.org>\nSubject: %s\n'
                b'Message-ID: <%d.%08x@mail.example.org>\nMIME-Version: 1.0\n' % (
                    address.encode(), rfc822_date(date), name_bytes, address.encode(), subject_bytes,
                    self.number, self.random.getrandbits(32)))

    def text_part(self, text=None):
        text = (text or self.random.choice(BODIES)).encode()
        encoding = self.random.choice([b'8bit', b'quoted-printable', b'base64'])
        body = {b'8bit': lambda: text, b'quoted-printable': lambda: quopri.encodestring(text),
                b'base64': lambda: wrapped_base64(text)}[encoding]()
        return (b'Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: %s\n\n' % encoding) + body

    def html_part(self):
        text = self.random.choice(BODIES).encode('ascii', 'xmlcharrefreplace')
        return (b'Content-Type: text/html; charset=us-ascii\n\n<!DOCTYPE html><html><body><p>'
                + text.replace(b'\n', b'<br>\n') + b'</p><img src="cid:logo"></body></html>\n')

    def file_part(self, n_bytes=None):
        kind, parameters = self.random.choice([
            (b'application/pdf', b'filename="Invoice 2024-117.pdf"'),
            (b'image/png', b"filename*=utf-8''Gr%C3%BC%C3%9Fe.png"),
            (b'application/zip', b'filename="=?utf-8?B?%s?="' % base64.b64encode('отчёт.zip'.encode())),
            (b'application/octet-stream', b"filename*0*=utf-8''%E4%BC%9A%E8%AE%AE; filename*1*=%E8%AE%B0%E5%BD%95.doc"),
            (b'text/csv', b'filename=numbers.csv')])
        data = self.random.randbytes(n_bytes or self.random.choice([90, 4_000, 60_000, 300_000]))
        return (b'Content-Type: %s\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; %s\n\n'
                % (kind, parameters)) + wrapped_base64(data)

    def multipart(self, subtype, parts):
        boundary = b'=_%08x' % self.random.getrandbits(32)
        middle = b''.join(b'--%s\n%s\n' % (boundary, part) for part in parts)
        return (b'Content-Type: multipart/%s; boundary="%s"\n\nThis is a message in MIME format.\n\n'
                % (subtype, boundary)) + middle + b'--%s--\n' % boundary

    def ordinary(self, date):
        kind = self.random.randrange(10)
        head = self.headers(date)
        if kind < 5:
            return head + self.text_part()
        if kind < 7:
            return head + self.multipart(b'alternative', [self.text_part(), self.html_part()])
        if kind < 9:
            return head + self.multipart(b'mixed', [self.text_part()] + [
                self.file_part() for _ in range(self.random.randrange(1, 4))])
        inner = b'Content-Type: message/rfc822\n\n' + self.headers(self.date()) + self.text_part()
        related = self.multipart(b'related', [self.html_part(), self.file_part(500)])
        return head + self.multipart(b'mixed', [self.multipart(b'alternative', [self.text_part(), related]), inner])

    def odd(self):
        """Yields (content, date) of what no ordinary client writes and every mailbox contains."""
        def message(*fields, body=b'body\n', mime=b''):
            date = self.date()
            lines = [field.replace(b'@DATE@', rfc822_date(date)) for field in fields]
            return b''.join(line + b'\n' for line in lines) + mime + b'\n' + body, date

        date, sender = b'Date: @DATE@', b'From: Bob <bob@example.org>'
        yield message(date, sender)                                              # no Subject, no Message-ID
        yield message(date, b'Subject: No sender', b'Message-ID: <no-sender@example.org>')
        yield message(sender, b'Subject: No date', b'Message-ID: <no-date@example.org>')
        yield message(b'X-Nothing: of the usual')
        yield b'\nOnly a body\n', self.date()
        yield b'Subject: Only a header, and no empty line after it\n', self.date()
        yield b'\n', self.date()
        yield message(date, sender, b'Subject:', b'Message-ID: <>')
        yield message(b'Date: Thu, 32 Foo 2025 25:61:61 +9999', sender, b'Subject: A date that never was')
        yield message(b'Date: 1 Jan 70 00:00 GMT', sender, b'Subject: A date in two digits')
        yield message(b'Date: Fri, 31 Dec 9999 23:59:59 +0000', sender, b'Subject: The end of time')
        yield message(date, sender, b'Subject: ../../etc/passwd')
        yield message(date, sender, b'Subject: .hidden and -rf * $(reboot) `id` ; rm "x" \'y\' | > <')
        yield message(date, sender, b'Subject: tab\there, bell\x07, escape \x1b[31m, delete \x7f')
        yield message(date, sender, 'Subject: right\u202eto left\u202c, zero\u200bwidth, line\u2028end, e\u0301'.encode())
        yield message(date, sender, b'Subject: junk \xff\xfe\x80 \xc3\x28 in eight bits', body=bytes(range(1, 256)) + b'\n')
        yield message(date, b'From: \xc4\xe5\xe9 <cp1251@example.ru>', b'Subject: \xcf\xf0\xe8\xe2\xe5\xf2')
        yield message(date, sender, b'Subject: =?utf-8?B?broken base64?= =?no-such-charset?Q?caf=E9?= =?utf-8?Q?open')
        yield message(date, sender, b'Subject: ' + b'very ' * 400 + b'long')     # one line of 2 kB
        yield message(date, sender, b'Subject: ' + encoded_words('очень длинная тема ' * 60, 'utf-8'))
        yield message(date, sender, 'Subject: '.encode() + '長'.encode() * 300)
        yield message(date, b'From: undisclosed-senders:;', b'Subject: A group')
        yield message(date, b'From: a@example.org, "Second, Author" <b@example.org>', b'Sender: c@example.org',
                      b'Subject: Two authors')
        yield message(date, b'From: (a comment) eve@example.org (Eve (nested))', b'subject: lower case name')
        yield message(date, b'From: "Quoted \\"Nick\\" Name" <nick@example.org>', b'Subject:no space after the colon')
        yield message(date, sender, b'Subject: folded\n over\n\tthree lines', b'Subject: a second subject')
        yield message(date, sender, b'Subject: An attachment that never ends',
                      mime=b'Content-Type: multipart/mixed; boundary="x"\n', body=b'--x\n\ntext\n--x\n\nno end\n')
        yield message(date, sender, b'Subject: No line end at the end', body=b'last line without its end')
        yield message(date, sender, b'Subject: Empty body', body=b'')
        yield message(date, sender, b'Subject: A line of 100000 characters', body=b'x' * 100_000 + b'\n')
        yield message(date, sender, b'Subject: Many small header fields', *[b'X-Field-%d: %d' % (i, i) for i in range(500)])
        twice = message(date, sender, b'Subject: The same message twice', b'Message-ID: <twice@example.org>')
        yield twice
        yield twice
        yield message(date, sender, b'Subject: Another with that id', b'Message-ID: <twice@example.org>')

    def big(self, n_bytes):
        date = datetime.datetime(2026, 5, 17, 18, 30, tzinfo=datetime.timezone.utc)
        head = (b'Date: %s\nFrom: "Alice Smith" <alice@example.org>\nTo: alice@example.org\nSubject: %s\n'
                b'Message-ID: <big@mail.example.org>\nMIME-Version: 1.0\n'
                b'Content-Type: multipart/mixed; boundary="=_big"\n\n--=_big\n'
                b'Content-Type: text/plain\n\nHere it is, all thirty megabytes of it.\n\n--=_big\n'
                b'Content-Type: video/mp4\nContent-Transfer-Encoding: base64\n'
                b'Content-Disposition: attachment; filename="video.mp4"\n\n'
                % (rfc822_date(date), BIG_SUBJECT.encode()))
        n_lines = n_bytes // 78 + 1  # each is 76 characters and, for IMAP, CRLF
        return head + wrapped_base64(self.random.randbytes(n_lines * 57)) + b'--=_big--\n', date


def messages(big_bytes=BIG_BYTES, n_ordinary=260):
    """Yields (mailbox, content, date, flags): n_ordinary, some 35 odd ones and, unless big_bytes is 0, a big one."""
    writer = Writer()
    for number, mailbox in zip(range(n_ordinary), itertools.cycle(MAILBOXES)):
        date = writer.date()
        content = writer.ordinary(date)
        yield mailbox, content, date, writer.flags()
        if number % 40 == 7:
            yield ('Archive', '2025'), content, date, 'S'  # a copy: one Message-ID in two mailboxes
    for content, date in writer.odd():
        yield ('INBOX',) if writer.number % 2 else ('Archive', '2024'), content, date, writer.flags()
        writer.number += 1
    if big_bytes:
        content, date = writer.big(big_bytes)
        yield BIG_MAILBOX, content, date, 'S'


def mailbox_name(server, components):
    name = server.delimiter.join(components)
    return name if components[0].upper() == 'INBOX' else server.prefix + name


def deliver(server, user='alice', files=True, **options):
    """Fills a mailserver.Dovecot; returns the number of messages."""
    by_mailbox = {EMPTY_MAILBOX: []}
    for mailbox, content, date, flags in messages(**options):
        by_mailbox.setdefault(mailbox, []).append((content, date, flags))
    return sum(server.deliver(mailbox_name(server, mailbox), contents, user, files)
               for mailbox, contents in by_mailbox.items())


def many(n_messages, seed=1):
    """Yields n_messages small messages (1 to 3 kB), oldest first, one a minute."""
    lots = random.Random(seed)
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    filler = [('The quick brown fox jumps over the lazy dog, number %d.\n' % i).encode() for i in range(60)]
    fields = [(encoded_words(name, 'utf-8') + b' <' + address.encode() + b'>', encoded_words(subject, 'utf-8'))
              for (name, address, _), (subject, _) in itertools.product(PEOPLE, SUBJECTS)]
    for number in range(n_messages):
        date = start + datetime.timedelta(minutes=number)
        sender, subject = fields[number % len(fields)]
        body = b''.join(filler[:lots.randrange(15, 60)])
        yield (b'Date: %s\nFrom: %s\nTo: alice@example.org\nSubject: %s\nMessage-ID: <%d@many.example.org>\n\n%s%s\n'
               % (rfc822_date(date), sender, subject, number, body, b'needle' if number % 1000 == 7 else b'hay')), \
            date, 'S' if number % 3 else ''


def main():
    """Prints what there is, without writing any of it."""
    counts = {}
    for mailbox, content, _, _ in messages():
        n_messages, n_bytes = counts.get(mailbox, (0, 0))
        counts[mailbox] = n_messages + 1, n_bytes + len(content)
    for mailbox, (n_messages, n_bytes) in sorted(counts.items()):
        print(f'{n_messages:5} {n_bytes:10}  {"/".join(mailbox)}')
    print(f'{sum(n for n, _ in counts.values()):5} {sum(n for _, n in counts.values()):10}  total')


if __name__ == '__main__':
    main()
