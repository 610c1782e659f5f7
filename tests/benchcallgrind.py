"""Instructions per message and per megabyte, counted by callgrind in the daemon.

Each figure is a difference of two whole runs of the daemon, so that mounting, logging in and ending cancel out:

    listing a message      (listing many messages - listing few) / the number between
    reading a message      (reading many messages of 1 KB - listing them) / their number
    reading a megabyte     (reading a message of 30 MB - listing it) / 30

The functions behind each difference are named, as far as callgrind finds their names. Long copies are one instruction
that repeats itself for each byte and is counted as often, so memcpy's figure is about the number of bytes copied.
"""

import contextlib
import re
import subprocess
import tempfile

import benchmail
import mount
import samplemail
from benchrun import say
from mailserver import Dovecot

SMALL_BYTES = 1000
SECONDS = 300
N_FUNCTIONS = 8
FORMS = {'listing': 'listing, a message', 'listing-uid': 'listing, a message, `names=uid`',
         'message': f'reading, a message of {SMALL_BYTES / 1000:.0f} KB', 'megabyte': 'reading, a megabyte'}


class CallgrindMount(mount.Mount):
    """A mount whose daemon runs under callgrind."""

    def __init__(self, counts_file, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.counts_file = counts_file

    def command(self):
        return ['valgrind', '-q', '--tool=callgrind', f'--callgrind-out-file={self.counts_file}', *super().command()]


def count_run(server, scratch, work, *options):
    """{function: instructions} of one daemon from its start to its end; work(mount) is what it does between."""
    counts_file = tempfile.mktemp(prefix='callgrind.', dir=scratch)
    one = CallgrindMount(counts_file, server.url(), *options, ca_file=server.ca_file)
    try:
        one.start(60)
        work(one)
        one.unmount(60)
    finally:
        one.remove()
    done = subprocess.run(['callgrind_annotate', '--threshold=100', '--show-percs=no', '--auto=no', '--tree=none',
                           counts_file], check=True, capture_output=True, text=True, timeout=60)
    return parse_annotation(done.stdout)


def parse_annotation(text):
    """Lines such as '12,345  ./imap/lexer.c:lexer_feed [/build/imapfs]'; of inlined code there is no [...]."""
    counts = {}
    for line in text.split('file:function\n', 1)[1].splitlines():
        found = re.match(r'\s*([\d,]+)\s+(?:\S*?:)?(\S+)(?: \[([^\]]*)\])?$', line)
        if not found:
            continue
        library = (found.group(3) or '').rsplit('/', 1)[-1].split('.so')[0]
        name = re.sub(r"'\d+$", '', found.group(2))
        if re.match(r'(0x[0-9a-f]+|\?\?\?)$', name):
            name = f'functions of {library or "libraries"} without a name'
        else:
            name = f'`{name}`'
        counts[name] = counts.get(name, 0) + int(found.group(1).replace(',', ''))
    return counts


def difference(more, less, divisor):
    functions = {name: (more.get(name, 0) - less.get(name, 0)) / divisor for name in {*more, *less}}
    return sum(functions.values()), sorted(functions.items(), key=lambda item: -item[1])[:N_FUNCTIONS]


def list_mailbox(name):
    return lambda one: one.run(f'ls -l {name} >/dev/null', SECONDS)


def read_mailbox(name):
    return lambda one: one.run(f'ls -l {name} >/dev/null; cat {name}/* | wc -c', SECONDS)


def make_server(scratch, stack, few, many, small):
    server = Dovecot(scratch / 'server')
    stack.callback(server.kill)
    server.deliver('Few', samplemail.many(few))
    server.deliver('Many', samplemail.many(many))
    server.deliver('Small', benchmail.uniform(small, SMALL_BYTES))
    content, date = samplemail.Writer().big(samplemail.BIG_BYTES)
    server.deliver('Big', [(content, date, 'S')])
    return server.start()


def count(scratch, stack, quick):
    """The Markdown about it."""
    few, many, small = (500, 2_500, 500) if quick else (1_000, 11_000, 2_000)
    server = make_server(scratch, stack, few, many, small)
    with contextlib.suppress(RuntimeError):
        list(server.fetch('Many', 'BODY.PEEK[HEADER.FIELDS (DATE)]', uids='1'))

    def run(what, work, *options):
        say(f'callgrind: {what}')
        return count_run(server, scratch, work, *options)

    results = {}
    for key, options in (('listing', ()), ('listing-uid', ('names=uid',))):
        more, less = (run(f'{key} {name}', list_mailbox(name), *options) for name in ('Many', 'Few'))
        results[key] = difference(more, less, many - few)
    more, less = run('reading Small', read_mailbox('Small')), run('listing Small', list_mailbox('Small'))
    results['message'] = difference(more, less, small)
    more, less = run('reading Big', read_mailbox('Big')), run('listing Big', list_mailbox('Big'))
    results['megabyte'] = difference(more, less, samplemail.BIG_BYTES / 1e6)
    return markdown(results, few, many, small)


def markdown(results, few, many, small):
    lines = [f'Instructions of the daemon, TLS included (callgrind). Listings of {few:,} and {many:,} messages, {small:,}'
             ' messages of 1 KB, one of 30 MB. In long copies each byte counts as one instruction.', '',
             '| | instructions |', '|---|---|']
    lines += [f'| {FORMS[key]} | {total:,.0f} |' for key, (total, _) in results.items()]
    for key, (total, functions) in results.items():
        lines += ['', f'Most of {FORMS[key]}:', '', '| instructions | share | function |', '|---|---|---|']
        lines += [f'| {value:,.0f} | {value / total:.0%} | {name} |' for name, value in functions]
    return '\n'.join(lines) + '\n'
